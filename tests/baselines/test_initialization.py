"""Initialisations: an identity for everything that decides their features."""

from baselines.initialization import load_random


def test_presets_that_read_films_otherwise_have_other_identities(tmp_path):
    shipped = load_random("mini")
    assert shipped.identity == load_random("mini").identity
    assert shipped.identity != load_random("mini", seed=1).identity
    own = tmp_path / "mini.yaml"
    found = {shipped.identity}
    for words in ("image_size: 96", "image_encoder: {output_stride: 32}"):
        own.write_text(f"extends: mini\n{words}\n")
        found.add(load_random(str(own)).identity)
    assert len(found) == 3
    assert str(tmp_path) not in " ".join(found)
