"""What the Studio and the drawing process (`python -m trainer draw`) agree on. Frames are those of `frames`.

The Studio sends frames numbered from 1, each a JSON object with "op", and binary parts. Each is answered by a frame
of its number with "done": true, or an "error" (one line). Frames with "progress": [done, all] may come before. An
"op": "cancel" with the "number" of an earlier request is not answered itself; the request is, with "cancelled": true.

A request names its model: {"folder": path, "checkpoint": iteration, "best" or null}. Models stay loaded.

| op | asks for | answer and its parts |
|---|---|---|
| open | facts of the model | "facts" |
| draw | pictures of "spots" | "latents" (length of each), parts: pixels, then each final latent |
| path | pictures on a path through "spots", "steps" from each to the next, "closed" or not | as draw |
| directions | "kind" ("sefa" or "pca"), "count" | "strengths", parts: one vector each |
| learn | the direction from the spots "less" to the spots "more" | part: the vector |
| tags | tags of the training sprites | "tags": {tag: count} |
| tag | the direction of "tag" | "accuracy", "explained", part: the vector |
| project | part: a picture, "per_stage" | "error", "starts", parts: pixels, latent; so in progress |
| nearest | part: a picture, "count" | "training", "held_out": [{"row", "distance", "mirrored"}], parts: their pixels |
| real | training pictures, "rows" | parts: pixels |

With "previews", draw and path send what can be shown sooner in frames before the answer: pictures from the number
"first" on, with their classes and latents as in the answer; "preview": in how few steps of a flow they were drawn,
1 for sketches of other networks, 0 if they are final; "all_shown": whether every picture has been sent once. The
answer holds all final pictures, as it does without.

Draw and path go before slower requests, unless they say "later": true. Directions, tag and project, which search for
long, keep no others waiting.

A spot is {"name": "7/3"}, as `sample --latent` takes it, or {"at": i}, the i-th latent among the request's parts, with
optional "class". With "radius" and "number" it is that variation of it. In draw and path "truncation" scales spots that
have a name, "moves" [{"at", "amount", "from", "to"}] adds vectors to a range of stages, "mix" {"spot", "from"} takes
the stages from there on of another spot. Numbers in parts are little-endian float32, pixels uint8 with the "shape"
(N, H, W, C).
"""

from __future__ import annotations

READY = "ready"
"""In the answer to the frame HELLO."""
LATER = "later"
"""In a request to draw that can wait for slower ones."""
CLASS = "class"
"""In a spot: the number of a class, where it is not the name's own."""
MOST_SPOTS = 1024
MOST_FRAMES = 2000
MOST_DIRECTIONS = 64
LARGEST_TRUNCATION = 2.0
