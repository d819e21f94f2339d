//! The registers of an LM3S6965 that this firmware touches, and its time.
//!
//! All of them are 32 bits wide and read and written so. Addresses and bits are those of the data sheet; where QEMU's model
//! leaves something out, the comment says so.

use core::cell::Cell;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use critical_section::Mutex;
use mutoscope::time::Instant;

/// The clock after reset: 200 MHz divided by 16.
const CLOCK_HZ: u64 = 12_500_000;
/// Of both the clock's frequency and a million, so that products stay small for centuries.
const HZ_DIVISOR: u64 = 500_000;

/// A register at a fixed address.
#[derive(Clone, Copy)]
pub(crate) struct Register(usize);

impl Register {
    /// # Safety
    /// `address` is that of a 32-bit register of this chip, and what is written there does not reach memory that Rust
    /// knows of (no DMA, no remapping).
    pub(crate) const unsafe fn new(address: usize) -> Self {
        Self(address)
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: `new`'s caller has promised a register.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: `new`'s caller has promised a register.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }

    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }
}

macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $address:expr;)*) => {
        $(
            $(#[$doc])*
            // SAFETY: a register of the data sheet, none of which moves memory.
            pub(crate) const $name: Register = unsafe { Register::new($address) };
        )*
    };
}

registers! {
    /// Clock gates of timers (bit 16: timer 0) and of the network (28: Ethernet, 30: its PHY). QEMU has no gates.
    RCGC1 = 0x400F_E104;
    RCGC2 = 0x400F_E108;
    TIMER0_CFG = 0x4003_0000;
    TIMER0_TAMR = 0x4003_0004;
    TIMER0_CTL = 0x4003_000C;
    TIMER0_IMR = 0x4003_0018;
    TIMER0_ICR = 0x4003_0024;
    TIMER0_TAILR = 0x4003_0028;
}

/// Interrupts by their numbers in the data sheet. They only end [`sleep`]; no handler ever runs.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Interrupt {
    Timer0 = 19,
    Ethernet = 42,
}

// SAFETY: distinct numbers below 240 that do not change.
unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// The system timer counts down 24 bits; this is what it stood at when it was last read, and ticks since start-up.
static TIME: Mutex<Cell<(u32, u64)>> = Mutex::new(Cell::new((0, 0)));
const SYSTICK_MASK: u32 = 0x00FF_FFFF;

/// The longest sleep. The system timer wraps after 1.34 s and has to be read before.
const LONGEST_SLEEP_MICROS: u64 = 500_000;

/// Starts the clocks. Interrupts stay masked for good: a pending one wakes the processor all the same, and nothing can
/// happen between looking for work and going to sleep.
pub(crate) fn start(peripherals: &mut cortex_m::Peripherals) {
    cortex_m::interrupt::disable();
    peripherals.SYST.set_clock_source(SystClkSource::Core);
    peripherals.SYST.set_reload(SYSTICK_MASK);
    peripherals.SYST.clear_current();
    peripherals.SYST.enable_counter();
    RCGC1.set(1 << 16);
    RCGC2.set(1 << 28 | 1 << 30);
    TIMER0_CTL.write(0);
    // One 32-bit timer, one shot.
    TIMER0_CFG.write(0);
    TIMER0_TAMR.write(1);
    TIMER0_IMR.write(1);
    for interrupt in [Interrupt::Timer0, Interrupt::Ethernet] {
        // SAFETY: interrupts are masked by PRIMASK and stay so; no critical section is broken.
        unsafe { NVIC::unmask(interrupt) };
    }
}

/// Time since start-up. To be asked at least every 1.3 s.
///
/// Reading a counter cannot lose time as counting interrupts does, when two of them become one.
pub(crate) fn now() -> Instant {
    critical_section::with(|section| {
        let time = TIME.borrow(section);
        let (last, ticks) = time.get();
        let current = SYST::get_current();
        // Downwards, and 0 is followed by the reload value.
        let elapsed = last.wrapping_sub(current) & SYSTICK_MASK;
        let ticks = ticks + u64::from(elapsed);
        time.set((current, ticks));
        Instant::from_micros(ticks.saturating_mul(1_000_000 / HZ_DIVISOR) / (CLOCK_HZ / HZ_DIVISOR))
    })
}

/// Sleeps until `deadline` or the network's interrupt, but not long. `is_work_waiting` is asked when nothing can come in
/// between any more.
pub(crate) fn sleep(deadline: Option<Instant>, is_work_waiting: impl FnOnce() -> bool) {
    let now = now();
    let micros =
        deadline.map_or(u64::MAX, |at| at.as_micros().saturating_sub(now.as_micros())).min(LONGEST_SLEEP_MICROS);
    if micros == 0 {
        return;
    }
    TIMER0_CTL.write(0);
    TIMER0_ICR.write(1);
    NVIC::unpend(Interrupt::Timer0);
    NVIC::unpend(Interrupt::Ethernet);
    TIMER0_TAILR.write((micros * CLOCK_HZ / 1_000_000) as u32);
    TIMER0_CTL.write(1);
    if !is_work_waiting() {
        cortex_m::asm::wfi();
    }
}
