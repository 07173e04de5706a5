"""What was released stays as it was: answers point at it, and physicians have read it."""

import hashlib

import yaml

from intake.definition import canonical
from intake.loader import FOLDER

# To change a question or a flag, copy the file to its next version and change it there. A line here once it is released.
RELEASED = {
    "flags/hair-loss-flags-0.1.0.yaml": "69b3839c0c23094ae1b08247a3dccde2af99b92367dc447dc3d66b7c56a50045",
    "flags/hair-loss-followup-flags-0.1.0.yaml": "a8c3aa5f3387f1897e942bbb84150c2670b6ef0e790cf4c67cb1738cb694781d",
    "hair-loss-followup-1.0.1.yaml": "a12ffb26a6a6291da123b1c9da1bbae950cebf034432d7e67946e857b2cc8af7",
    "hair-loss-intake-1.0.2.yaml": "9e431dbb03aab5206764b6508cacb2bda355156193883ce24887e580b284b899",
}


def test_a_released_questionnaire_or_set_of_flags_is_never_changed() -> None:
    found = {name: FOLDER / name for name in RELEASED if (FOLDER / name).exists()}
    strings = {name: yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) for name, path in found.items()}
    assert [name for name, said in strings.items() if hashlib.sha256(canonical(said)).hexdigest() != RELEASED[name]] == []
