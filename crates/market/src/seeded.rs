//! [`SeededRng`]: random numbers that are the same for the same seed, for ever.

/// SplitMix64 (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014).
///
/// Written out here because a demo's path and a test's market must not change when a library does. It is no source of
/// secrets.
#[derive(Clone, Debug)]
pub struct SeededRng(u64);

impl SeededRng {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of one part of what a seed makes: a bar, a run.
    #[must_use]
    pub fn of_part(seed: u64, part: u64) -> Self {
        let mut mixed = Self(seed ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(mixed.next_u64())
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` − 1; 0 when `bound` is 0. Uneven by at most one part in 2⁶⁴ ÷ `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.next_u64()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_sequence() {
        let mut rng = SeededRng::new(1_234_567);
        let first: Vec<_> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn bounded_numbers_stay_in_bounds_and_reach_them() {
        let mut rng = SeededRng::new(7);
        let drawn: Vec<_> = (0..1_000).map(|_| rng.below(4)).collect();
        for number in 0..4 {
            assert!(drawn.contains(&number));
        }
        assert!(drawn.iter().all(|number| *number < 4));
        assert_eq!(rng.below(0), 0);
    }
}
