/** The door of the stack for demo, tests and benchmarks; `stack/temporal.ts` may be imported on its own. */
export * from './stack.js';
export { type FlinkSettings, type FlinkVersion, type RestartStrategy } from './conf/flink.js';
export { jobJar, type FlinkSystem } from './flink.js';
export { type HdfsSystem, type HdfsTool } from './hdfs.js';
export * from './events.js';
export * from './flink-rest.js';
export { type Server, type ServerRecipe, type StackEvent } from './server.js';
export * from './temporal.js';
export * from './truth.js';
export { until, type Patience } from './wait.js';
export { webHdfs, type FileStatus, type WebHdfs } from './webhdfs.js';
