// The official command line 1.31 against a server with functions in Rust.

import { testData } from "../support/cli_data.js";

testData("1.31");
