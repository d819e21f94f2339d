//! A wall of pictures: several streams at once, each in a tile. `grid` says where the tiles lie, `tile` what each says beside its picture,
//! `pace` how often the wall is drawn; this file puts it on the screen.

pub(super) mod grid;
pub(super) mod pace;
pub(super) mod tile;

use super::canvas::Rect;
use super::layout::{Layout, fitted};
use super::screen::{Layer, PictureView, Screen};
use super::theme::{self, Color};
use super::widgets::Pen;
use anyhow::Result;
use tile::{Label, Plan, Tile};

/// Behind what lies over the pictures.
const CLEAR: Color = theme::BLACK.alpha(0);

/// The distance of tiles from each other and from the wall's edges.
pub(super) const GAP: i32 = 6;

/// What the wall is to show besides the pictures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) tiles: Vec<Tile>,
    /// The tile that keys go to.
    pub(super) focus: usize,
    /// The one under the mouse.
    pub(super) hovered: Option<usize>,
}

/// What lies over the picture of a tile.
struct TileLayers<'t> {
    label: Layer<'t, Label>,
    notice: Layer<'t, Option<Plan>>,
}

/// The wall as it is drawn.
#[derive(Default)]
pub(super) struct Wall<'t> {
    tiles: Vec<TileLayers<'t>>,
    /// The tile with the ring, and the one under the mouse.
    marked: (usize, Option<usize>),
}

impl<'t> Wall<'t> {
    /// Draws in memory what has changed. Returns whether anything has.
    ///
    /// # Errors
    /// A sentence, if the graphics card has no room for a part.
    pub(super) fn update(
        &mut self,
        screen: &mut Screen<'t>,
        pen: &mut Pen<'_>,
        layout: &Layout,
        view: &View,
    ) -> Result<bool> {
        let marked = (view.focus, view.hovered);
        let mut changed = std::mem::replace(&mut self.marked, marked) != marked;
        self.tiles.resize_with(view.tiles.len(), || TileLayers { label: Layer::new(), notice: Layer::new() });
        for ((layers, tile), place) in self.tiles.iter_mut().zip(&view.tiles).zip(&layout.tiles) {
            let label = tile::label_place(pen, &tile.label, *place);
            changed |= screen.update(&mut layers.label, &tile.label, label, CLEAR, |canvas, label| {
                tile::draw_label(canvas, pen, label);
            })?;
            let free = Rect { h: label.y - place.y, ..*place };
            let plan = tile.notice.as_ref().map(|notice| tile::arrange(pen, notice, free));
            let (width, height) = plan.as_ref().map_or((0, 0), |plan| plan.size);
            changed |=
                screen.update(&mut layers.notice, &plan, free.centred(width, height), CLEAR, |canvas, plan| {
                    plan.iter().for_each(|plan| tile::draw_notice(canvas, pen, plan));
                })?;
        }
        Ok(changed)
    }

    /// Puts it on the screen, each picture in its tile.
    pub(super) fn draw<'p>(
        &self,
        screen: &mut Screen<'t>,
        layout: &Layout,
        pictures: impl Iterator<Item = &'p PictureView<'t>>,
        view: &View,
    ) where
        't: 'p,
    {
        let tiles = self.tiles.iter().zip(&view.tiles).zip(&layout.tiles).zip(pictures);
        for (index, (((layers, tile), &place), picture)) in tiles.enumerate() {
            let line = layout.px(2).max(1);
            if index == view.focus {
                screen.fill(place.shrunk(-2 * line), theme::TEXT);
                screen.fill(place.shrunk(-line), theme::BACKGROUND);
            } else if view.hovered == Some(index) {
                screen.fill(place.shrunk(-line), theme::TRACK_EDGE);
            }
            screen.fill(place, theme::BLACK);
            if let Some(size) = picture.size() {
                screen.draw_picture(picture, fitted(place, size));
                if tile.dims_picture() {
                    screen.fill(place, theme::DIM);
                }
            }
            screen.draw(&layers.notice);
            screen.draw(&layers.label);
        }
    }
}
