"""matplotlib figures: a pickle, which alone brings a figure back, and a picture of it as preview.

Neither pyplot nor any toolkit of windows is imported: a figure made by pyplot comes back without its window.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from argosy.materializers.base import JSON
from argosy.materializers.pickle_ import PickleMaterializer

_PREVIEW_PIXELS = 1000
"""Length of the longer side of a preview."""
_PREVIEW_BYTES = 512 << 10
"""A larger picture is drawn again, smaller."""
_SMALLEST_PIXELS = 100
_WINDOW = "_restore_to_pylab"
"""Where a pickled figure says that pyplot shall open a window for it."""


class FigureMaterializer(PickleMaterializer):
    """Keeps figures, where the pickle policy allows it."""

    id = "argosy.matplotlib"
    types = (Figure,)
    packages = ("matplotlib",)
    instead = "only a pickle brings a Figure back; figure.savefig(path) keeps its picture: return the Path"

    def reduce(self, part: Any) -> Any:
        """Leave the window of a figure out."""
        if not isinstance(part, Figure) or type(part).__reduce_ex__ is not object.__reduce_ex__:
            return NotImplemented
        reduced: Any = part.__reduce_ex__(5)
        maker, arguments, state, *rest = reduced
        if isinstance(state, dict):
            state = {name: item for name, item in state.items() if name != _WINDOW}
        return (maker, arguments, state, *rest)

    def extract_metadata(self, value: Figure) -> dict[str, JSON]:
        """Return the size in inches, the number of axes and their titles."""
        width, height = (float(side) for side in value.get_size_inches())
        titles: list[JSON] = [axes.get_title() for axes in value.axes[:20]]
        return {"width_inches": width, "height_inches": height, "axes": len(value.axes), "titles": titles}

    def visualize(self, value: Figure) -> dict[str, bytes]:
        """Return the picture of the figure, at most 1000 pixels long."""
        longest = float(max(value.get_size_inches()))
        pixels = min(longest * value.dpi, _PREVIEW_PIXELS)
        while True:
            target = io.BytesIO()
            value.savefig(target, format="png", dpi=pixels / longest, bbox_inches=value.bbox_inches)
            if target.tell() <= _PREVIEW_BYTES or pixels <= _SMALLEST_PIXELS:
                return {"figure.png": target.getvalue()}
            pixels /= 2
