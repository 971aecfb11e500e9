import { describeLog } from "./contract/describe-log.ts";
import { sqliteLogs } from "./sqlite-logs.ts";

describeLog(sqliteLogs());
