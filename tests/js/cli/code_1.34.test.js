// The official command line 1.34 and code: every command and flag that pushes or runs functions and needs no cloud.

import { testCode } from "../support/cli_code.js";
import { testComponents } from "../support/cli_components.js";
import { testCoverage } from "../support/cli_coverage.js";
import { testRun } from "../support/cli_run.js";

testCode("1.34");
testComponents("1.34");
testRun("1.34");
testCoverage("1.34", ["codegen", "deploy", "dev", "function-spec", "run"]);
