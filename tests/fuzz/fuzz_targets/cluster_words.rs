#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mutoscope_tests::fuzz::cluster::words(data));
