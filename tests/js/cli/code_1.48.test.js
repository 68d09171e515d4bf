// The official command line 1.48 and code: every command and flag that pushes or runs functions and needs no cloud.

import { testCode } from "../support/cli_code.js";
import { testComponents } from "../support/cli_components.js";
import { testCoverage } from "../support/cli_coverage.js";
import { testRun } from "../support/cli_run.js";

testCode("1.48");
testComponents("1.48");
testRun("1.48");
testCoverage("1.48", ["codegen", "deploy", "dev", "function-spec", "run"]);
