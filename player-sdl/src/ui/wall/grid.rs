//! Where the tiles of a wall lie, and which one is beside which.

use crate::ui::canvas::Rect;

/// Tiles are laid out for pictures of this width and height: between 4:3 and 16:9, so that either leaves little of a tile empty.
const SHAPE: (i32, i32) = (3, 2);

/// Places so many tiles in an area, with this distance from each other and from its edges: as large as possible, all of one size, row
/// by row.
pub(crate) fn arrange(area: Rect, count: usize, gap: i32) -> Vec<Rect> {
    let count = count as i32;
    let sized = |columns: i32| {
        let rows = (count + columns - 1) / columns;
        let side = |length: i32, parts: i32| ((length - gap * (parts + 1)) / parts).max(1);
        (columns, side(area.w, columns), side(area.h, rows))
    };
    // Of two ways that make pictures of one size, the one that leaves fewer places empty.
    let worth = |&(columns, w, h): &(i32, i32, i32)| {
        let empty = (columns - count % columns) % columns;
        ((w * SHAPE.1).min(h * SHAPE.0), -empty)
    };
    let Some((columns, w, h)) = (1..=count).map(sized).max_by_key(worth) else { return Vec::new() };
    let rows = (count + columns - 1) / columns;
    let all = area.centred(columns * (w + gap) - gap, rows * (h + gap) - gap);
    let place = |index: i32| {
        let (column, row) = (index % columns, index / columns);
        Rect::new(all.x + column * (w + gap), all.y + row * (h + gap), w, h)
    };
    (0..count).map(place).collect()
}

/// Where to go from a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Left,
    Right,
    Up,
    Down,
    First,
    Last,
}

/// Returns the tile that lies there from this one; at the edge of the wall, the same one.
pub(crate) fn beside(tiles: &[Rect], at: usize, way: Way) -> usize {
    let last = tiles.len().saturating_sub(1);
    let columns = tiles.iter().take_while(|tile| tile.y == tiles[0].y).count().max(1);
    match way {
        Way::Left => at.saturating_sub(1),
        Way::Right => (at + 1).min(last),
        Way::Up => at.checked_sub(columns).unwrap_or(at),
        // The last row may be shorter.
        Way::Down if at / columns < last / columns => (at + columns).min(last),
        Way::Down => at,
        Way::First => 0,
        Way::Last => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns and rows.
    fn shape(area: (i32, i32), count: usize) -> (usize, usize) {
        let tiles = arrange(Rect::new(0, 44, area.0, area.1), count, 6);
        let columns = tiles.iter().filter(|tile| tile.y == tiles[0].y).count();
        (columns, count.div_ceil(columns))
    }

    #[test]
    fn the_window_s_shape_decides_on_columns_and_rows() {
        for (area, count, expected) in [
            ((640, 590), 1, (1, 1)),
            ((640, 590), 2, (1, 2)),
            ((1600, 900), 2, (2, 1)),
            ((1600, 900), 3, (2, 2)),
            ((1600, 900), 4, (2, 2)),
            ((1600, 900), 5, (3, 2)),
            ((640, 590), 9, (3, 3)),
            ((1600, 900), 16, (4, 4)),
            ((320, 276), 16, (4, 4)),
            ((360, 1200), 4, (1, 4)),
            ((3000, 300), 4, (4, 1)),
        ] {
            assert_eq!(shape(area, count), expected, "{count} in {area:?}");
        }
        assert_eq!(arrange(Rect::new(0, 0, 100, 100), 0, 6), []);
    }

    #[test]
    fn tiles_are_of_one_size_within_the_area_and_apart() {
        for area in [(320, 276), (333, 501), (640, 590), (1600, 856), (3840, 2000), (9, 7)] {
            for count in 1..=16 {
                let area = Rect::new(3, 44, area.0, area.1);
                let tiles = arrange(area, count, 6);
                assert_eq!(tiles.len(), count);
                for (index, tile) in tiles.iter().enumerate() {
                    assert_eq!((tile.w, tile.h), (tiles[0].w, tiles[0].h));
                    let inside = tile.x >= area.x + 5 && tile.right() <= area.right() && tile.bottom() <= area.bottom();
                    assert!(inside || area.w < 10, "{count} in {area:?}: {tile:?}");
                    let apart = |other: &Rect| other.x >= tile.right() + 6 || other.y >= tile.bottom() + 6;
                    assert!(tiles[index + 1..].iter().all(apart), "{count} in {area:?}");
                }
            }
        }
    }

    #[test]
    fn arrows_go_from_tile_to_tile_and_stop_at_the_edge() {
        // Two rows of three, and one of one.
        let tiles = arrange(Rect::new(0, 0, 1000, 800), 7, 6);
        let go = |at, ways: &[Way]| ways.iter().fold(at, |at, &way| beside(&tiles, at, way));
        assert_eq!(go(0, &[Way::Right]), 1);
        assert_eq!(go(0, &[Way::Left]), 0);
        assert_eq!(go(2, &[Way::Right]), 3, "on to the next row");
        assert_eq!(go(1, &[Way::Down]), 4);
        assert_eq!(go(5, &[Way::Down]), 6, "the last row is shorter");
        assert_eq!(go(6, &[Way::Down]), 6);
        assert_eq!(go(6, &[Way::Up]), 3);
        assert_eq!(go(1, &[Way::Up]), 1);
        assert_eq!((go(3, &[Way::First]), go(3, &[Way::Last])), (0, 6));
        assert_eq!(beside(&[], 0, Way::Down), 0);
    }
}
