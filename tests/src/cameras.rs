//! Live inputs of the real adapter on the simulated network.

use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url::Path;
use mutoscope_std::media::live::{Live, LiveMedium};

/// Live media by their names.
#[derive(Clone, Debug, Default)]
pub struct Cameras(pub Vec<Live>);

impl Catalogue for Cameras {
    type Medium = LiveMedium;

    fn find(&self, path: Path<'_>) -> Option<LiveMedium> {
        let id = self.0.iter().position(|live| path.names(live.name()))?;
        Some(self.0[id].medium(id))
    }
}
