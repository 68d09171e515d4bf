// The official command line 1.48 and data: every command and flag that needs no pushed code and no cloud.

import { testCoverage } from "../support/cli_coverage.js";
import { testData } from "../support/cli_data.js";

testData("1.48");
testCoverage("1.48", ["data", "env get", "env list", "env remove", "env set", "export", "import", "logs", "network-test"]);
