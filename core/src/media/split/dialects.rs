//! Which formats a reader knows. What it needs for the others takes no room and no code.

use super::super::avi::Chunks;
use super::super::multipart::{Heads, Times};
use core::fmt::Debug;

/// A set of formats: [`Every`], [`LabAndRaw`] or [`OnlyRaw`]. What is none of them is looked through for JPEGs, as
/// [`Format::Raw`](super::Format::Raw) is.
#[expect(private_bounds, reason = "it is implemented here alone")]
pub trait Dialects: Parts {}

/// All formats that there are.
#[derive(Clone, Copy, Debug)]
pub enum Every {}

/// The lab's records, and JPEGs one after another.
#[derive(Clone, Copy, Debug)]
pub enum LabAndRaw {}

/// JPEGs one after another.
#[derive(Clone, Copy, Debug)]
pub enum OnlyRaw {}

/// What a reader of these formats consists of.
pub(in crate::media) trait Parts: Debug {
    /// Whether the lab's records are among them.
    const LAB: bool;
    type Heads: Slot<Heads>;
    type Chunks: Slot<Chunks>;
    type Times: Slot<Times>;
    type Last: Last;
}

impl Dialects for Every {}
impl Parts for Every {
    const LAB: bool = true;
    type Heads = With<Heads>;
    type Chunks = With<Chunks>;
    type Times = With<Times>;
    type Last = u128;
}

impl Dialects for LabAndRaw {}
impl Parts for LabAndRaw {
    const LAB: bool = true;
    type Heads = Without;
    type Chunks = Without;
    type Times = Without;
    type Last = u128;
}

impl Dialects for OnlyRaw {}
impl Parts for OnlyRaw {
    const LAB: bool = false;
    type Heads = Without;
    type Chunks = Without;
    type Times = Without;
    type Last = u64;
}

/// A part that is there or not, which the compiler knows.
pub(in crate::media) trait Slot<T>: Clone + Copy + Debug + Default {
    const EXISTS: bool;
    fn get(&self) -> Option<&T>;
    fn get_mut(&mut self) -> Option<&mut T>;
}

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::media) struct With<T>(T);

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::media) struct Without;

impl<T: Clone + Copy + Debug + Default> Slot<T> for With<T> {
    const EXISTS: bool = true;

    fn get(&self) -> Option<&T> {
        Some(&self.0)
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        Some(&mut self.0)
    }
}

impl<T> Slot<T> for Without {
    const EXISTS: bool = false;

    fn get(&self) -> Option<&T> {
        None
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        None
    }
}

/// The last bytes that were read, the newest one lowest.
pub(in crate::media) trait Last: Clone + Copy + Debug + Default {
    fn push(&mut self, byte: u8);
    /// With zeros for those that are not kept.
    fn bytes(self) -> u128;
}

impl Last for u128 {
    fn push(&mut self, byte: u8) {
        *self = *self << 8 | Self::from(byte);
    }

    fn bytes(self) -> u128 {
        self
    }
}

impl Last for u64 {
    fn push(&mut self, byte: u8) {
        *self = *self << 8 | Self::from(byte);
    }

    fn bytes(self) -> u128 {
        self.into()
    }
}
