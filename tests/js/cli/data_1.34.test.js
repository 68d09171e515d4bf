// The official command line 1.34 against a server with functions in Rust.

import { testData } from "../support/cli_data.js";

testData("1.34");
