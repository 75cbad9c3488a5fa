"""`python -m trunkline.cli` is `trunkline`."""

import sys

from trunkline.cli import main

sys.exit(main())
