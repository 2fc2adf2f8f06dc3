//! Choices: chance from a seed, or from the bytes of a fuzzer.

/// Chooses.
pub trait Choice {
    /// A number below a bound, which is not 0.
    fn below(&mut self, bound: usize) -> usize;

    /// Whether there is nothing more to choose by.
    #[allow(dead_code)] // Only bytes are used up.
    fn is_over(&self) -> bool {
        false
    }
}

/// Chance from a seed (SplitMix64, Steele et al. 2014).
#[allow(dead_code)] // Only the tests have seeds.
pub struct Seeded(pub u64);

impl Choice for Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// The bytes of a fuzzer; 0 once they are used up.
#[allow(dead_code)] // Only the fuzzer has bytes.
pub struct Bytes<'a>(pub &'a [u8]);

impl Choice for Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                usize::from(*first) % bound
            }
            [] => 0,
        }
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
