import { memoryLog } from "sluice/logs/memory";
import { describeLog } from "./contract/describe-log.ts";

describeLog(async (options) => ({ log: memoryLog(options) }));
