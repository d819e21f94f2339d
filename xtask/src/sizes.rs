//! `cargo xtask sizes`: what the core takes on a microcontroller, in RAM and in flash.
//!
//! `xtask/probe` is built for a Cortex-M4F: its library has one static as long as each type, whose lengths stand in the
//! compiler's assembler output; its program serves one client and is linked, so that its sections are what a firmware pays.

use crate::shell::{cargo, require, root};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Cortex-M4F or M7.
pub(crate) const TARGET: &str = "thumbv7em-none-eabihf";

/// The rows of the table: the static in the probe, its description, and the most that it may take (bytes).
const TYPES: &[(&str, &str, u64)] = &[
    ("SIZE_01_CONNECTION_LENT", "control connection, without its two buffers", 1024),
    ("SIZE_02_CONNECTION_1K_2K", "control connection with 1 KB in and 2 KB out", 4096),
    ("SIZE_03_CLIENT_LENT", "server: one client with its stream, without buffers", 2048),
    ("SIZE_04_CLIENT_1K_2K", "server: one client over UDP, 1 KB in and 2 KB out", 5120),
    ("SIZE_05_CLIENT_1K_4K", "server: one client over TCP too, 1 KB in and 4 KB out", 7168),
    ("SIZE_06_READER_LENT", "MJPEG file reader, without its frame buffer", 640),
    ("SIZE_15_READER_LAB_AND_RAW", "the same without multipart and AVI", 320),
    ("SIZE_07_READER_20K", "MJPEG file reader with 20 KB for a frame", 21_120),
    ("SIZE_08_RECEIVER_2_LENT", "receiver of two open frames, without their buffers", 2304),
    ("SIZE_09_RECEIVER_2_32K", "receiver of two open frames of 32 KB", 67_840),
    ("SIZE_10_SENDER_FRAGMENTS", "sender of one stream, and how its frame is cut", 512),
    ("SIZE_11_PACKET", "a packet's head on its way (on the stack)", 256),
    ("SIZE_14_DELIVERY", "what one stream does next", 512),
    ("SIZE_12_TRANSCODER", "transcoder of JPEG files that RTP/JPEG cannot carry", 8192),
    ("SIZE_13_RECODER", "the same for those of several scans, without memory for coefficients", 12_800),
];

/// The most that the probe's server may take of flash. It reads the lab's records and JPEGs one after another, and completes pictures.
const MOST_FLASH: u64 = 101 * 1024;

/// Parts that are left out unless asked for: the probe's feature, what it is, and the most that it may add to flash.
const PARTS: &[(&str, &str, u64)] = &[
    ("digest", "with a user's password (Digest, MD5)", 8 * 1024 + 768),
    ("srtp", "with encrypted media (SRTP, keys by MIKEY)", 17 * 1024),
    ("lab", "with what copies of the classic lab have added to its dialect", 8 * 1024),
];

/// What a firmware that encrypts tells the compiler: AES in less code, which takes longer. Nothing else heeds it.
const COMPACT: &str = r#"build.rustflags=["--cfg", "aes_backend_soft=\"compact\""]"#;

/// Prints the tables; `false` where something is larger than it may be.
pub(crate) fn run() -> Result<bool> {
    let folder = target_folder()?;
    let sizes = type_sizes(&folder)?;
    println!("| type, {TARGET} | bytes of RAM |\n|---|---:|");
    let mut large = Vec::new();
    for (name, what, most) in TYPES {
        let size = sizes.iter().find(|(found, _)| found == name).with_context(|| format!("the probe has no {name}"))?.1;
        println!("| {what} | {size} |");
        if size > *most {
            large.push(format!("{what}: {size} bytes, {most} at most"));
        }
    }
    let bare = image(&folder, "")?;
    println!("\n| program | flash | static RAM |\n|---|---:|---:|");
    println!(
        "| server of one client from a file (lab records or JPEGs), both dialects, UDP and TCP, no logging | {} | {} |",
        bare.flash, bare.ram
    );
    if bare.flash > MOST_FLASH {
        large.push(format!("the server: {} bytes of flash, {MOST_FLASH} at most", bare.flash));
    }
    for (feature, what, most) in PARTS {
        let image = image(&folder, feature)?;
        let (flash, ram) = (image.flash.saturating_sub(bare.flash), image.ram.saturating_sub(bare.ram));
        println!("| {what} | {flash} more | {ram} more |");
        if flash > *most {
            large.push(format!("{what}: {flash} bytes of flash more, {most} at most"));
        }
    }
    for line in &large {
        println!("TOO LARGE {line}");
    }
    Ok(large.is_empty())
}

fn target_folder() -> Result<PathBuf> {
    let folder = crate::shell::target_dir()?.join("sizes");
    fs::create_dir_all(&folder)?;
    // The versions measured are those of the workspace.
    fs::copy(root().join("Cargo.lock"), root().join("xtask/probe/Cargo.lock"))?;
    Ok(folder)
}

fn probe(subcommand: &str, folder: &Path) -> Command {
    let mut command = cargo();
    command.args([subcommand, "--quiet", "--manifest-path", "xtask/probe/Cargo.toml", "--release", "--target", TARGET]);
    command.args(["--config", COMPACT]).arg("--target-dir").arg(folder);
    command
}

/// Names and lengths of the probe's statics.
fn type_sizes(folder: &Path) -> Result<Vec<(String, u64)>> {
    let assembler = folder.join("types.s");
    let mut emit = std::ffi::OsString::from("--emit=asm=");
    emit.push(&assembler);
    require(probe("rustc", folder).args(["--lib", "--"]).arg(emit))?;
    Ok(statics(&fs::read_to_string(&assembler).context("the compiler wrote no assembler output")?))
}

/// Lines `.size NAME, N`.
fn statics(assembler: &str) -> Vec<(String, u64)> {
    assembler
        .lines()
        .filter_map(|line| {
            let (name, size) = line.trim().strip_prefix(".size")?.trim().split_once(',')?;
            Some((name.trim().to_owned(), size.trim().parse().ok()?))
        })
        .collect()
}

/// The memory that a linked program takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Code, constants and initial values.
    pub(crate) flash: u64,
    /// Variables that live for ever; the stack is not counted.
    pub(crate) ram: u64,
}

fn image(folder: &Path, feature: &str) -> Result<Image> {
    require(probe("build", folder).args(["--bin", "server", "--features", feature]))?;
    read_elf(&fs::read(folder.join(TARGET).join("release/server"))?).context("in the linked probe")
}

/// Adds up the sections of a 32-bit little-endian ELF file.
pub(crate) fn read_elf(bytes: &[u8]) -> Result<Image> {
    const WRITE: u32 = 1;
    const ALLOC: u32 = 2;
    const NOBITS: u32 = 8;
    ensure!(bytes.starts_with(b"\x7fELF\x01\x01"), "not a 32-bit little-endian ELF file");
    let half = |at: usize| bytes.get(at..at + 2).map(|field| u16::from_le_bytes([field[0], field[1]]));
    let word =
        |at: usize| bytes.get(at..at + 4).map(|field| u32::from_le_bytes([field[0], field[1], field[2], field[3]]));
    let (Some(table), Some(entry), Some(count)) = (word(0x20), half(0x2e), half(0x30)) else { bail!("cut short") };
    let mut image = Image { flash: 0, ram: 0 };
    for number in 0..usize::from(count) {
        let at = table as usize + number * usize::from(entry);
        let (Some(kind), Some(flags), Some(size)) = (word(at + 4), word(at + 8), word(at + 20)) else {
            bail!("cut short")
        };
        if flags & ALLOC != 0 {
            image.flash += if kind == NOBITS { 0 } else { u64::from(size) };
            image.ram += if flags & WRITE != 0 { u64::from(size) } else { 0 };
        }
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_statics_are_read_from_assembler() {
        let text =
            "\t.type\tSIZE_A,%object\nSIZE_A:\n\t.zero\t12\n\t.size\tSIZE_A, 12\n\t.size\tmain, .Lfunc_end0-main\n";
        assert_eq!(statics(text), [("SIZE_A".to_owned(), 12)]);
    }

    #[test]
    fn sections_add_up() {
        let mut file = vec![0; 0x34 + 4 * 40];
        file[..6].copy_from_slice(b"\x7fELF\x01\x01");
        file[0x20] = 0x34;
        file[0x2e] = 40;
        file[0x30] = 4;
        // Code, initialised variables, zeroed variables, and a section that is not loaded.
        for (number, [kind, flags, size]) in [[1, 6, 100], [1, 3, 10], [8, 3, 5], [1, 0, 77]].into_iter().enumerate() {
            let at = 0x34 + number * 40;
            (file[at + 4], file[at + 8], file[at + 20]) = (kind, flags, size);
        }
        assert_eq!(read_elf(&file).unwrap(), Image { flash: 110, ram: 15 });
        assert!(read_elf(&file[..100]).is_err());
        assert!(read_elf(b"\x7fELF\x02\x01").is_err());
    }

    #[test]
    fn the_probe_has_what_the_table_shows() {
        let probe = include_str!("../probe/src/lib.rs");
        for (name, ..) in TYPES {
            assert!(probe.contains(name), "{name}");
        }
    }
}
