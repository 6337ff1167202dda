import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  coreSite,
  EMPTY_WEB_XML,
  HDFS_SUPERUSER,
  type DataNodePlace,
  hadoopLog4j,
  type HdfsPlan,
  hdfsSite,
  hdfsUri,
  isPair,
  type NameNodePlace,
  WEB_APPS,
} from './conf/hdfs.js';
import { getJson } from './http.js';
import { classPath, java, jvmFlagsOpened, serverEnv } from './java.js';
import type { Server } from './server.js';
import { saveTemplate, type Template, useTemplate } from './template.js';
import { until } from './wait.js';
import { webHdfs, type WebHdfs } from './webhdfs.js';
import type { Workshop } from './workshop.js';

export interface HdfsOptions {
  /** 2: an HA pair with one JournalNode and manual failover. */
  readonly nameNodes: 1 | 2;
  readonly dataNodes: number;
  readonly replication: number;
}

export interface HdfsSystem {
  readonly nameNodes: readonly Server[];
  readonly dataNodes: readonly Server[];
  readonly journal: Server | undefined;
  /** `hdfs://127.0.0.1:port`, or `hdfs://holdfast` for the pair. */
  readonly uri: string;
  /** One per NameNode: `http://127.0.0.1:port`. */
  readonly webhdfs: readonly string[];
  /** Configuration directory for clients (`HADOOP_CONF_DIR`). */
  readonly conf: string;
  /** Files as the superuser, through the NameNode that is active at the moment of each call. */
  readonly files: WebHdfs;
  /** Formats (or copies a formatted image), starts everything, waits until it is usable. */
  start(): Promise<void>;
  /** Active NameNode, out of safe mode, as many live DataNodes as run, a file written and read back. */
  usable(within?: number): Promise<void>;
  /** `hdfs dfsadmin|haadmin|dfs|fsck …` as the superuser: standard output. Fails when the command fails. */
  command(tool: HdfsTool, ...args: readonly string[]): Promise<string>;
  /** The block files of a file on the disks of the DataNodes (all replicas). */
  blockFiles(path: string): Promise<readonly string[]>;
  /** Removes the blocks of a file from every disk: the NameNode still knows the file, nobody can read it. */
  loseBlocks(path: string): Promise<void>;
  /** Overwrites the blocks of a file on every disk with other bytes of the same length. */
  corruptBlocks(path: string): Promise<void>;
}

export type HdfsTool = 'dfsadmin' | 'haadmin' | 'dfs' | 'fsck';

const TOOLS: Readonly<Record<HdfsTool, string>> = {
  dfsadmin: 'org.apache.hadoop.hdfs.tools.DFSAdmin',
  haadmin: 'org.apache.hadoop.hdfs.tools.DFSHAAdmin',
  dfs: 'org.apache.hadoop.fs.FsShell',
  fsck: 'org.apache.hadoop.hdfs.tools.DFSck',
};

const NAME_NODE = 'org.apache.hadoop.hdfs.server.namenode.NameNode';
const DATA_NODE = 'org.apache.hadoop.hdfs.server.datanode.DataNode';
const JOURNAL_NODE = 'org.apache.hadoop.hdfs.qjournal.server.JournalNode';

/** Directory of Flink, owned by the user it runs as, and Holdfast's own scratch directory in it. */
export const FLINK_DIRECTORY = '/flink';
export const SCRATCH_DIRECTORY = '/flink/holdfast';
export const FLINK_USER = 'flink';

async function jmx(base: string, bean: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = (await getJson(`${base}/jmx?qry=Hadoop:service=${bean}`)) as {
    readonly beans: readonly Readonly<Record<string, unknown>>[];
  };
  const [first] = answer.beans;
  if (first === undefined) throw new Error(`${base} has no bean ${bean} yet`);
  return first;
}

const stateOf = async (base: string): Promise<unknown> =>
  (await jmx(base, 'NameNode,name=NameNodeStatus'))['State'];

async function makePlan(workshop: Workshop, options: HdfsOptions): Promise<HdfsPlan> {
  const port = (): Promise<number> => workshop.warden.port();
  const nameNodes: NameNodePlace[] = [];
  for (let n = 1; n <= options.nameNodes; n++)
    nameNodes.push({ id: `nn${n}`, rpc: await port(), http: await port() });
  const dataNodes: DataNodePlace[] = [];
  for (let n = 1; n <= options.dataNodes; n++)
    dataNodes.push({ id: `dn${n}`, data: await port(), http: await port(), ipc: await port() });
  const journal = options.nameNodes === 2 ? { rpc: await port(), http: await port() } : undefined;
  return { nameNodes, dataNodes, journal, replication: options.replication, data: workshop.data };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

export async function planHdfs(workshop: Workshop, options: HdfsOptions): Promise<HdfsSystem> {
  const plan = await makePlan(workshop, options);
  const pair = isPair(plan);
  const webapps = join(workshop.warden.folder, 'conf', 'hadoop-web');
  const webhdfs = plan.nameNodes.map(({ http }) => `http://127.0.0.1:${http}`);

  async function writeConf(name: string, dataNode?: DataNodePlace): Promise<string> {
    await workshop.conf(name, 'log4j.properties', hadoopLog4j);
    await workshop.conf(name, 'core-site.xml', coreSite(plan));
    return dirname(await workshop.conf(name, 'hdfs-site.xml', hdfsSite(plan, dataNode)));
  }

  for (const app of WEB_APPS) {
    const folder = join(webapps, 'webapps', app, 'WEB-INF');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'web.xml'), EMPTY_WEB_XML);
  }
  const conf = await writeConf('hdfs');

  const env = (at: string): Record<string, string> =>
    serverEnv({ HADOOP_CONF_DIR: at, HADOOP_USER_NAME: HDFS_SUPERUSER, HADOOP_HOME: workshop.warden.folder });
  const jvm = (name: string, id: string, heap: string, at: string): string[] => [
    ...jvmFlagsOpened,
    heap,
    `-Dholdfast.server=${id}`,
    `-Dholdfast.log=${workshop.log(name)}`,
    `-Dhadoop.log.dir=${workshop.logs}`,
    '-cp',
    classPath('hadoop', at, webapps),
  ];
  const identity = (id: string): string[] => (pair ? ['-D', `dfs.ha.namenode.id=${id}`] : []);

  const nameNodes = plan.nameNodes.map(({ id, http }, index) => {
    const name = pair ? `namenode-${index + 1}` : 'namenode';
    return workshop.server({
      name,
      command: java,
      args: () => [...jvm(name, id, '-Xmx160m', conf), NAME_NODE, ...identity(id)],
      env: env(conf),
      log: workshop.log(name),
      ready: async () => ['active', 'standby'].includes(String(await stateOf(`http://127.0.0.1:${http}`))),
    });
  });

  const dataNodes = await Promise.all(
    plan.dataNodes.map(async (place, index) => {
      const name = plan.dataNodes.length === 1 ? 'datanode' : `datanode-${index + 1}`;
      const at = await writeConf(name, place);
      return workshop.server({
        name,
        command: java,
        args: () => [...jvm(name, place.id, '-Xmx128m', at), DATA_NODE],
        env: env(at),
        log: workshop.log(name),
        ready: async () =>
          (await jmx(`http://127.0.0.1:${place.http}`, 'DataNode,name=DataNodeInfo'))['ClusterId'] !==
          undefined,
      });
    }),
  );

  const journalPlace = plan.journal;
  const journal =
    journalPlace === undefined
      ? undefined
      : workshop.server({
          name: 'journalnode',
          command: java,
          args: () => [...jvm('journalnode', 'journal', '-Xmx64m', conf), JOURNAL_NODE],
          env: env(conf),
          log: workshop.log('journalnode'),
          ready: async () =>
            (await jmx(`http://127.0.0.1:${journalPlace.http}`, 'JournalNode,name=JournalNodeInfo'))[
              'Version'
            ] !== undefined,
        });

  const template: Template = {
    name: pair ? 'hdfs-pair' : 'hdfs',
    system: 'hadoop',
    folders: {
      nn1: join(plan.data, 'nn1'),
      ...(pair ? { nn2: join(plan.data, 'nn2'), journal: join(plan.data, 'journal') } : {}),
    },
  };

  async function format(): Promise<void> {
    const flags = ['-format', '-nonInteractive', '-clusterId', 'holdfast'];
    const { code, output } = await workshop.run({
      name: 'namenode-format',
      command: java,
      args: [...jvm('namenode-format', 'nn1', '-Xmx128m', conf), NAME_NODE, ...identity('nn1'), ...flags],
      env: env(conf),
    });
    if (code !== 0)
      throw new Error(`formatting the NameNode failed (log ${workshop.log('namenode-format')}):\n${output}`);
    // An image at transaction 0 is the same for both of a pair: what -bootstrapStandby would fetch.
    if (pair) await cp(join(plan.data, 'nn1'), join(plan.data, 'nn2'), { recursive: true });
    await saveTemplate(template);
  }

  async function activeNameNode(): Promise<string> {
    for (const base of webhdfs) {
      const state = await stateOf(base).catch(() => undefined);
      if (state === 'active') return base;
    }
    throw new Error(`no NameNode is active (${webhdfs.join(', ')})`);
  }

  const files = webHdfs(pair ? activeNameNode : (webhdfs[0] ?? ''), HDFS_SUPERUSER);

  async function command(tool: HdfsTool, ...args: readonly string[]): Promise<string> {
    const { code, output } = await workshop.run({
      name: `hdfs-${tool}`,
      command: java,
      args: [...jvm('hdfs-command', 'client', '-Xmx64m', conf), TOOLS[tool], ...args],
      env: env(conf),
    });
    if (code !== 0) throw new Error(`hdfs ${tool} ${args.join(' ')} failed (exit code ${code}):\n${output}`);
    return output;
  }

  async function isUsable(): Promise<boolean> {
    const active = await activeNameNode();
    const { Safemode: safeMode } = await jmx(active, 'NameNode,name=NameNodeInfo');
    if (safeMode !== '') throw new Error(`safe mode: ${String(safeMode)}`);
    const expected = dataNodes.filter(({ state }) => state === 'running').length;
    const { NumLiveDataNodes: live } = await jmx(active, 'NameNode,name=FSNamesystemState');
    if (Number(live) < expected) throw new Error(`${String(live)} of ${expected} DataNodes are registered`);
    const probe = `/tmp/probe-${Date.now()}`;
    const text = `written at ${Date.now()}`;
    await files.write(probe, text);
    const read = (await files.read(probe)).toString();
    await files.remove(probe);
    if (read !== text) throw new Error('the probe file was read back with other content');
    return true;
  }

  const usable = async (within = 90_000): Promise<void> => {
    await until('HDFS is usable', isUsable, { within });
  };

  async function blockFiles(path: string): Promise<readonly string[]> {
    const names = new Set((await files.blocks(path)).map((id) => `blk_${id}`));
    const all = await Promise.all(plan.dataNodes.map(({ id }) => filesBelow(join(plan.data, id))));
    return all.flat().filter((file) => names.has(file.slice(file.lastIndexOf('/') + 1)));
  }

  async function blockFilesOfSome(path: string): Promise<readonly string[]> {
    const found = await blockFiles(path);
    if (found.length === 0)
      throw new Error(`${path} has no block on any DataNode: it is empty or already lost`);
    return found;
  }

  return {
    nameNodes,
    dataNodes,
    journal,
    uri: hdfsUri(plan),
    webhdfs,
    conf,
    files,
    command,
    usable,
    blockFiles,
    async start() {
      const formatted = await useTemplate(template);
      await journal?.start();
      if (!formatted) await format();
      await Promise.all([...nameNodes, ...dataNodes].map((server) => server.start()));
      if (pair) await command('haadmin', '-transitionToActive', 'nn1');
      await usable();
      await files.makeDirectory(FLINK_DIRECTORY);
      await files.makeDirectory(SCRATCH_DIRECTORY);
      await files.setOwner(FLINK_DIRECTORY, FLINK_USER);
      await files.setOwner(SCRATCH_DIRECTORY, FLINK_USER);
    },
    async loseBlocks(path) {
      for (const file of await blockFilesOfSome(path)) await rm(file);
    },
    async corruptBlocks(path) {
      for (const file of await blockFilesOfSome(path)) {
        const bytes = await readFile(file);
        await writeFile(file, Buffer.from(bytes.map((byte) => byte ^ 0xff)));
      }
    },
  };
}
