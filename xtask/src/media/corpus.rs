//! Files by the encoders of other people that packages have: the kinds of JPEG that the clips lack.

use super::{Make, Recipe};

/// A file that others are made of comes before them.
#[rustfmt::skip]
pub(super) const RECIPES: &[Recipe] = &[
    // libjpeg: optimised tables and restart markers in each sampling that is carried without loss, in sizes that end within MCUs.
    Recipe { name: "cjpeg-420.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=319x241", options: &["-optimize", "-restart", "1"] } },
    Recipe { name: "cjpeg-422.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=175x97", options: &["-optimize", "-restart", "7B", "-sample", "2x1"] } },
    Recipe { name: "cjpeg-422-tall.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=185x105", options: &["-restart", "3B", "-sample", "2x2,1x2,1x2"] } },
    Recipe { name: "cjpeg-grey.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=319x241", options: &["-optimize", "-restart", "5B", "-grayscale"] } },
    // A picture of one pixel, and others of less than an MCU.
    Recipe { name: "cjpeg-1x1.mjpeg", make: Make::Cjpeg { source: "mandelbrot=s=1x1", options: &["-optimize"] } },
    Recipe { name: "cjpeg-8x8-grey.mjpeg", make: Make::Cjpeg { source: "mandelbrot=s=8x8", options: &["-grayscale"] } },
    Recipe { name: "cjpeg-17x9.mjpeg", make: Make::Cjpeg { source: "mandelbrot=s=17x9", options: &["-optimize", "-sample", "2x1"] } },
    // The qualities at the ends; Annex K's codes are longest for the one.
    Recipe { name: "cjpeg-q100.mjpeg", make: Make::Cjpeg { source: "mandelbrot=s=320x240", options: &["-quality", "100", "-optimize"] } },
    Recipe { name: "cjpeg-q1.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=320x240", options: &["-quality", "1", "-baseline"] } },
    // SOF1 with tables of 16 bits whose entries fit 8.
    Recipe { name: "cjpeg-two-qualities.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=320x240", options: &["-quality", "95,30", "-sample", "2x1"] } },
    // More than 2040 pixels to a side.
    Recipe { name: "cjpeg-2050x131.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=2050x131", options: &["-optimize"] } },
    // The same coefficients as another file, written otherwise.
    Recipe { name: "jpegtran-optimize.mjpeg", make: Make::Jpegtran { of: "cjpeg-422-tall.mjpeg", options: &["-optimize", "-restart", "2"] } },
    Recipe { name: "jpegtran-transpose.mjpeg", make: Make::Jpegtran { of: "cjpeg-420.mjpeg", options: &["-transpose"] } },
    Recipe { name: "jpegtran-grey.mjpeg", make: Make::Jpegtran { of: "cjpeg-420.mjpeg", options: &["-grayscale"] } },
    // ImageMagick optimises by itself.
    Recipe { name: "imagemagick-420.mjpeg", make: Make::ImageMagick { source: "mandelbrot=s=319x241", options: &["-quality", "85", "-sampling-factor", "2x2"] } },
    Recipe { name: "imagemagick-422.mjpeg", make: Make::ImageMagick { source: "testsrc2=s=319x241", options: &["-quality", "92", "-sampling-factor", "2x1"] } },
    Recipe { name: "imagemagick-grey.mjpeg", make: Make::ImageMagick { source: "testsrc2=s=175x97", options: &["-quality", "60", "-colorspace", "Gray"] } },
    Recipe { name: "gstreamer-420.mjpeg", make: Make::Jpegenc { caps: "format=I420,width=319,height=241", options: &["quality=95"] } },
    Recipe { name: "gstreamer-422.mjpeg", make: Make::Jpegenc { caps: "format=Y42B,width=320,height=240", options: &[] } },
    Recipe { name: "gstreamer-grey.mjpeg", make: Make::Jpegenc { caps: "format=GRAY8,width=320,height=240", options: &["quality=40"] } },
    // FFmpeg: one quantisation table, and its own order of 4:2:2 with Huffman tables for each picture.
    Recipe { name: "ffmpeg-422.mjpeg", make: Make::Ffmpeg { source: "testsrc=s=319x241", pixels: "yuvj422p", quality: "4", options: &["-huffman", "optimal"] } },
    Recipe { name: "ffmpeg-420.mjpeg", make: Make::Ffmpeg { source: "testsrc2=s=175x97", pixels: "yuvj420p", quality: "4", options: &["-huffman", "default"] } },
    // The server refuses these where nobody asked for a conversion, because it would lose something.
    Recipe { name: "imagemagick-444.mjpeg", make: Make::ImageMagick { source: "testsrc2=s=319x241", options: &["-quality", "95"] } },
    Recipe { name: "gstreamer-444.mjpeg", make: Make::Jpegenc { caps: "format=Y444,width=320,height=240", options: &[] } },
    Recipe { name: "cjpeg-440.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=320x240", options: &["-sample", "1x2"] } },
    Recipe { name: "cjpeg-411.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=320x240", options: &["-sample", "4x1"] } },
    Recipe { name: "cjpeg-rgb.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=320x240", options: &["-rgb"] } },
];
