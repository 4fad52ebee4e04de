// The list of jobs follows what happens.

import { repeat } from "./live.js";
import { refreshParts } from "./parts.js";

repeat(refreshParts, 2000);
