import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import {
  flinkConfig,
  flinkPlaces,
  type FlinkPlaces,
  type FlinkPlan,
  type FlinkSettings,
  type FlinkVersion,
} from './conf/flink.js';
import { log4j2 } from './conf/kafka.js';
import { FLINK_USER } from './hdfs.js';
import { getJson } from './http.js';
import { classPath, java, jvmFlagsOpened, serverEnv } from './java.js';
import { cache } from './root.js';
import type { Server } from './server.js';
import type { Workshop } from './workshop.js';

export interface FlinkOptions {
  readonly version: FlinkVersion;
  readonly taskManagers: number;
  readonly settings: FlinkSettings;
  /** Undefined: without HA. */
  readonly zooKeepers: string | undefined;
  /** `uri` and configuration directory. Undefined: no HDFS. */
  readonly hdfs: { readonly uri: string; readonly conf: string } | undefined;
}

export interface FlinkSystem {
  readonly version: FlinkVersion;
  readonly jobManager: Server;
  readonly taskManagers: readonly Server[];
  /** `http://127.0.0.1:port` */
  readonly rest: string;
  readonly places: FlinkPlaces;
}

/** The jar of `stack/job`, one for each Flink version. */
export const jobJar = (version: FlinkVersion): string => join(cache, 'job', `window-counts-${version}.jar`);

const JOB_MANAGER = 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint';
const TASK_MANAGER = 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner';

export async function planFlink(workshop: Workshop, options: FlinkOptions): Promise<FlinkSystem> {
  const { version, settings } = options;
  const restPort = await workshop.warden.port();
  const rest = `http://127.0.0.1:${restPort}`;
  const folder = join(workshop.data, 'flink');
  const plan: FlinkPlan = { restPort, zooKeepers: options.zooKeepers, hdfs: options.hdfs?.uri, folder };
  await Promise.all(
    ['upload', 'tmp', 'storage/ha', 'storage/archive'].map((name) =>
      mkdir(join(folder, name), { recursive: true }),
    ),
  );
  const conf = dirname(await workshop.conf('flink', 'config.yaml', flinkConfig(settings, plan)));
  const env = serverEnv({
    HADOOP_USER_NAME: FLINK_USER,
    ...(options.hdfs === undefined ? {} : { HADOOP_CONF_DIR: options.hdfs.conf }),
  });
  const jars = classPath(`flink-${version}`);
  const path = options.hdfs === undefined ? jars : `${jars}${delimiter}${options.hdfs.conf}`;

  async function jvm(name: string, ...flags: readonly string[]): Promise<string[]> {
    const logging = await workshop.conf('flink', `${name}.xml`, log4j2(workshop.log(name)));
    return [
      ...jvmFlagsOpened,
      ...flags,
      `-Dlog.file=${workshop.log(name)}`,
      `-Dlog4j2.configurationFile=file:${logging}`,
      '-cp',
      path,
    ];
  }

  const forJobManager = await jvm('jobmanager', '-Xmx192m');
  const jobManager = workshop.server({
    name: 'jobmanager',
    command: java,
    args: () => [...forJobManager, JOB_MANAGER, '--configDir', conf],
    env,
    log: workshop.log('jobmanager'),
    // 503 until it leads.
    ready: async () => 'flink-version' in ((await getJson(`${rest}/overview`)) as object),
  });

  const taskManagers = await Promise.all(
    Array.from({ length: options.taskManagers }, async (_, index) => {
      const name = options.taskManagers === 1 ? 'taskmanager' : `taskmanager-${index + 1}`;
      const flags = await jvm(name, '-Xmx192m', '-XX:MaxDirectMemorySize=128m');
      // Each life has an id of its own, so that its registration is not taken for that of a life before.
      const id = (start: number): string => `${name}-life-${start}`;
      return workshop.server({
        name,
        command: java,
        args: (start) => [
          ...flags,
          TASK_MANAGER,
          '--configDir',
          conf,
          `-Dtaskmanager.resource-id=${id(start)}`,
        ],
        env,
        log: workshop.log(name),
        ready: async (start) => {
          const { taskmanagers } = (await getJson(`${rest}/taskmanagers`)) as {
            readonly taskmanagers: readonly { readonly id: string }[];
          };
          return taskmanagers.some((one) => one.id === id(start));
        },
      });
    }),
  );

  return { version, jobManager, taskManagers, rest, places: flinkPlaces(settings, plan) };
}
