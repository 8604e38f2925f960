//! The passwords that everybody tries first.

/// Common passwords of twelve characters and more, in lower case. Shorter ones are refused for their length.
/// Chosen from the heads of published breach statistics; regular repetitions are caught by [`is_common`] itself.
const COMMON: &[&str] = &[
    "012345678910",
    "0987654321qwerty",
    "1234567890ab",
    "1234567890abc",
    "1234567890qwerty",
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567891011",
    "123456789abc",
    "123456789qwerty",
    "1234qwerasdf",
    "1234qwerasdfzxcv",
    "123qweasdzxc",
    "123qweasdzxc!",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "1qazxsw23edc",
    "abcd12345678",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "adminadmin123",
    "administrator",
    "administrator1",
    "admin12345678",
    "admin@123456",
    "asdfghjkl123",
    "asdfghjkl;'\\",
    "asdfghjklzxcvbnm",
    "basketball123",
    "bitcoin12345",
    "bitcointrader",
    "changeme1234",
    "changeme123!",
    "changemenow!",
    "charlie12345",
    "chocolate123",
    "computer1234",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "default-password",
    "defaultpassword",
    "football1234",
    "iloveyou1234",
    "iloveyou12345",
    "iloveyouforever",
    "iloveyousomuch",
    "letmein12345",
    "letmein123456",
    "liverpool123",
    "manchesterunited",
    "masterpassword",
    "mypassword12",
    "mypassword123",
    "p@ssw0rd1234",
    "p@ssword1234",
    "passw0rd1234",
    "password!123",
    "password-123",
    "password0123",
    "password1234",
    "password123!",
    "password12345",
    "password123456",
    "password1234567",
    "password12345678",
    "password123456789",
    "password@123",
    "password@1234",
    "password_123",
    "passwordpassword",
    "princess1234",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qazwsxedcrfvtgb",
    "qwer1234asdf",
    "qwerasdfzxcv",
    "qwerty123456",
    "qwerty1234567",
    "qwerty12345678",
    "qwerty123456789",
    "qwertyqwerty123",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop1234",
    "qwertyuiop123456",
    "qwertyuiop[]",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "secretpassword",
    "sunshine1234",
    "superman1234",
    "supersecret123",
    "temporarypassword",
    "thisismypassword",
    "tradingtrading",
    "unitedstates",
    "veloxvelox123",
    "veloxpassword",
    "welcome12345",
    "welcome123456",
    "zaq12wsxcde3",
    "zxcvbnm12345",
    "zxcvbnmasdfghjkl",
];

/// Whether a password in lower case is on the list or one short piece over and over (`abcabcabcabc`).
pub(crate) fn is_common(folded: &str) -> bool {
    COMMON.contains(&folded) || is_repetition(folded)
}

/// Whether the text is a piece of at most eight characters, repeated, the last time perhaps cut short.
fn is_repetition(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=8).any(|piece| {
        characters.len() >= 2 * piece && characters.iter().zip(characters.iter().skip(piece)).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_lower_case_and_holds_nothing_that_length_refuses() {
        assert!(COMMON.iter().all(|text| text.chars().count() >= 12 && text.to_lowercase() == **text));
    }

    #[test]
    fn pieces_over_and_over_are_common() {
        assert!(is_common("abcabcabcabca"));
        assert!(is_common("passwordpassword"));
        assert!(!is_common("abcabcabcabx"));
        assert!(!is_common("tin-lamp-orbit-fjord"));
    }
}
