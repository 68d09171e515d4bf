// The official command line 1.31 and data: every command and flag that needs no pushed code and no cloud.

import { testCoverage } from "../support/cli_coverage.js";
import { testData } from "../support/cli_data.js";

testData("1.31");
testCoverage("1.31", ["data", "env get", "env list", "env remove", "env set", "export", "import", "logs", "network-test"]);
