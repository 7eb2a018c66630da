"""Heads and emblems drawn by hand, letter by letter, all facing left.

Lower-case letters name a material, shaded by the light: p primary, s secondary, t trim, f frame, g metal,
e eye glow, b beam, w bone. Upper-case letters are the same material in deep shadow; E and B are the
brightest glow, # is the outline.
"""

from __future__ import annotations

# Each head: rows, then the neck's column.
HEADS: tuple[tuple[tuple[str, ...], int], ...] = (
    (  # the hero: face plate, two eyes under a brow
        (
            "....tpppp...",
            "...tppppppp.",
            "..pppppppppp",
            ".#########pp",
            ".EE#EE#ppPpp",
            ".wwwww##pPpp",
            ".wwwwwwPppp.",
            "..tttwwPpp..",
            "...ttfff....",
        ),
        6,
    ),
    (  # the one-eyed soldier
        (
            "....ppppp...",
            "..pppppppp..",
            ".pppppppppp.",
            "p##########P",
            "#eEe######pp",
            "p##########P",
            ".ffppppppppp",
            "gffffpppppP.",
            ".gg.fffff...",
        ),
        6,
    ),
    (  # visor helmet
        (
            "...ssssss..",
            "..ssssssss.",
            ".sssssssssS",
            "#eeeEEe#ssS",
            "#eeeeee#ssS",
            ".pppppppss.",
            ".PppppppPs.",
            "..fffffff..",
        ),
        6,
    ),
    (  # knight's helm with slit
        (
            "....tt.....",
            "...wwwww...",
            "..wwwwwww..",
            ".wwwwwwwww.",
            ".#EE#EE#ww.",
            ".ww####www.",
            "..wwwwwwwW.",
            "..w#w#wwW..",
            "...wwwwf...",
        ),
        6,
    ),
    (  # bug eyes
        (
            "...pppppp..",
            ".pppppppppp",
            "#eEe#eEe#pp",
            "eEeeeEee#pp",
            "#ee#eee##pP",
            ".ppppppppP.",
            "..ffFffff..",
        ),
        6,
    ),
    (  # sensor block
        (
            ".ggggggg...",
            "gggggggggg.",
            "#######ggg.",
            "#bBb##fggg.",
            "#bbb##fggG.",
            "#######ggG.",
            ".gggggggG..",
            "...fffff...",
        ),
        6,
    ),
    (  # skull
        (
            "...wwwwww..",
            "..wwwwwwww.",
            ".wwwwwwwwww",
            ".w##w##wwww",
            ".#Ee#Ee#wwW",
            ".ww#w##wwW.",
            ".wwwwwwwW..",
            "..#w#w#W...",
            "..wwwwff...",
        ),
        6,
    ),
    (  # fox: long snout and ears
        (
            "....p....p.",
            "...pp...pp.",
            "...ppppppp.",
            "..pppppppp.",
            ".pp#Ee#ppp.",
            "wwpppppppP.",
            "#wwwpppPP..",
            ".wwwwffff..",
        ),
        7,
    ),
    (  # samurai mask
        (
            "t.........t",
            "tt.ppppp.tt",
            ".tppppppptt",
            "..pttppppp.",
            ".p########p",
            ".#EE#EE#sss",
            ".ssssssssss",
            "..s#s#ssSss",
            "...sssffS.s",
        ),
        6,
    ),
    (  # dome with a band of lamps
        (
            "...ssssss..",
            ".ssssssssss",
            "sssssssssss",
            "###########",
            "#E#b#b#b#ff",
            "###########",
            ".ffffffffF.",
        ),
        6,
    ),
    (  # pilot's cockpit canopy
        (
            "....bbbbb..",
            "..bBBbbbbp.",
            ".bBbbbbbpp.",
            "bBbbbbbppp.",
            "bbbbbbpppP.",
            ".tppppppP..",
            "..fffffff..",
        ),
        6,
    ),
    (  # goggles and jaw
        (
            "...tttttt..",
            "..ttttttttt",
            "##########t",
            "#eE##eE##tt",
            "#ee##ee##tT",
            "##########T",
            ".gfgfgfgtT.",
            ".gfgfgfgT..",
            "..ggggff...",
        ),
        6,
    ),
    (  # lantern
        (
            "....pppp...",
            "..pppppppp.",
            "...#####...",
            "..#eEEe#p..",
            "..#eEEe#p..",
            "..#eeee#p..",
            "..pppppppp.",
            "...ffffff..",
        ),
        6,
    ),
    (  # commander: tall crest
        (
            ".....ttt...",
            "....ttttt..",
            "...pttttpp.",
            "..pppttppp.",
            ".pppppppppp",
            ".##########",
            ".EEE###EEpp",
            ".sssssssspp",
            "..sSsSsspP.",
            "...sssfff..",
        ),
        6,
    ),
)

# Small badges for chests, shoulders and shields.
EMBLEMS: tuple[tuple[str, ...], ...] = (
    (".t.", "ttt", ".t."),
    ("t.t", ".t.", "t.t"),
    ("ttt", "t.t", "ttt"),
    ("..t", ".tt", "ttt"),
    ("t..", "tt.", "ttt", "tt."),
    (".tt", "tt.", ".tt"),
    ("w.w", "www", ".w."),
    (".w.", "w.w", ".w."),
)
