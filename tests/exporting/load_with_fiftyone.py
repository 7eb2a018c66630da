"""Run by test_exporting_tools.py in an interpreter that has FiftyOne: load a folder and print what FiftyOne sees."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "1")

import fiftyone as fo


def main(folder: str) -> None:
    dataset = fo.Dataset.from_dir(dataset_dir=folder, dataset_type=fo.types.FiftyOneDataset, progress=False)
    try:
        samples = [
            {
                "id": sample.sprite_id,
                "facing": sample.facing.label,
                "tags": list(sample.tags),
                "crop": sample.crop and list(sample.crop),
                "weight": sample.weight,
                "size": [sample.metadata.width, sample.metadata.height],
                "there": os.path.isfile(sample.filepath),
            }
            for sample in dataset
        ]
        fields = {name: str(field) for name, field in dataset.get_field_schema().items()}
        held_out = len(dataset.match_tags("test"))
        print(json.dumps({"samples": samples, "fields": fields, "info": dataset.info, "held_out": held_out}))
    finally:
        dataset.delete()


if __name__ == "__main__":
    main(sys.argv[1])
