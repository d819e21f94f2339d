//! The stack: what it has used at the most, and a fence below it.
//!
//! It lies between the last variable and the end of RAM. At start-up `cortex-m-rt` paints it; what is not painted any more
//! was used.

use core::ptr;
use cortex_m::peripheral::MPU;
use cortex_m_rt::STACK_PAINT_VALUE;

/// Bytes at the lower end that nobody may touch: the smallest region the processor can protect.
const FENCE: usize = 32;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// Its highest and lowest address.
fn bounds() -> (*const u32, *const u32) {
    (&raw const _stack_start, &raw const _stack_end)
}

fn fence_start() -> usize {
    bounds().1.addr().next_multiple_of(FENCE)
}

/// Makes an overflow a fault instead of a changed variable.
pub(crate) fn fence(mpu: &MPU) {
    /// Enabled, 2^(4 + 1) bytes, no access for anybody, nothing executable.
    const RASR: u32 = 1 | 4 << 1 | 1 << 28;
    /// Enabled; elsewhere the default map holds.
    const CTRL: u32 = 1 | 1 << 2;
    // SAFETY: takes the right to touch memory away where there is none of anybody: below the stack, behind all variables.
    unsafe {
        mpu.rnr.write(0);
        mpu.rbar.write(fence_start() as u32);
        mpu.rasr.write(RASR);
        mpu.ctrl.write(CTRL);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Bytes it may take.
pub(crate) fn size() -> usize {
    bounds().0.addr().saturating_sub(fence_start() + FENCE)
}

/// Bytes it has taken at the most so far.
pub(crate) fn used() -> usize {
    let (start, end) = bounds();
    let mut at = end.with_addr(fence_start() + FENCE);
    // SAFETY: aligned, and inside RAM up to its end; other than Rust's variables, which nobody writes meanwhile.
    while at < start && unsafe { ptr::read_volatile(at) } == STACK_PAINT_VALUE {
        at = at.wrapping_add(1);
    }
    start.addr().saturating_sub(at.addr())
}
