import { failure, fault } from '../domain/failure.js';
import { isRunId, type RunId } from '../domain/ids.js';
import { absent, present, type Reading, unknown } from '../domain/reading.js';
import type { HaCheckpoint, HaCluster, HaJob } from './ports.js';
import { readHandle, readLeaderAddress } from './zookeeper-bytes.js';

/** What one session can see. Every answer is null for a node that is not there. */
export interface ZooKeeperReader {
  /** What is read afterwards is at least as new as this moment. */
  sync(): Promise<void>;
  get(path: string): Promise<{
    readonly data: Buffer;
    readonly children: number;
    readonly childrenVersion: number;
  } | null>;
  children(
    path: string,
  ): Promise<{ readonly names: readonly string[]; readonly childrenVersion: number } | null>;
}

/**
 * Reads the HA tree of one Flink cluster, over all layouts of Flink 1.3 to 2.x side by side: an upgrade in place leaves
 * the old tree behind.
 *
 *     /checkpoints/<job>/<id>                checkpoints to 1.13; locks directly below
 *     /checkpoint-counter/<job>              counter to 1.13
 *     /jobs/<job>/checkpoints/<id>           checkpoints from 1.14; from 1.15 locks in the child `locks`
 *     /jobs/<job>/checkpoint_id_counter      counter from 1.14
 *     /jobgraphs/<job>                       graph to 1.20
 *     /execution-plans/<job>                 execution plan from 2.0
 *     /running_job_registry/<job>            to 1.14
 *     /leader/rest_server_lock               REST address to 1.13
 *     /leader/rest_server/connection_info    REST address from 1.14
 */
export async function readHaCluster(
  reader: ZooKeeperReader,
  at: { readonly root: string; readonly clusterId: string },
): Promise<Reading<HaCluster>> {
  await reader.sync();
  const root = join(at.root);
  if ((await reader.get(root)) === null)
    return unknown(
      fault(
        'ConfigInvalid',
        `Expected Flink's root ${root} in ZooKeeper, found no such node: probably the wrong ensemble or the wrong root.`,
        root,
      ),
    );
  const cluster = join(at.root, at.clusterId);
  if ((await reader.get(cluster)) === null) return absent;

  const of = (...parts: readonly string[]) => join(cluster, ...parts);
  const graphs = new Map([
    ...(await readGraphs(reader, of('jobgraphs'))),
    ...(await readGraphs(reader, of('execution-plans'))),
  ]);
  const graphOf = (run: RunId) => {
    const graphFile = graphs.get(run);
    return { graph: graphFile !== undefined, ...(graphFile && { graphFile }) };
  };
  const registered = await runs(reader, of('running_job_registry'));
  const found = new Map<RunId, FoundJob>();
  const add = (job: FoundJob) => {
    const other = found.get(job.run);
    if (other === undefined) found.set(job.run, job);
    else
      found.set(job.run, {
        ...other,
        checkpoints: [...other.checkpoints, ...job.checkpoints],
        counters: [...other.counters, ...job.counters],
      });
  };
  // The newer layout first: where both have a job, the older tree was left behind by an upgrade.
  const grouped = await eachRun(reader, of('jobs'), async (run) => ({
    run,
    ...graphOf(run),
    checkpoints: await readCheckpoints(reader, of('jobs', run, 'checkpoints'), registered.has(run)),
    counters: await readCounter(reader, of('jobs', run, 'checkpoint_id_counter')),
  }));
  const flat = await eachRun(reader, of('checkpoints'), async (run) => ({
    run,
    ...graphOf(run),
    checkpoints: await readCheckpoints(reader, of('checkpoints', run), true),
    counters: [],
  }));
  const counters = await eachRun(reader, of('checkpoint-counter'), async (run) => ({
    run,
    ...graphOf(run),
    checkpoints: [],
    counters: await readCounter(reader, of('checkpoint-counter', run)),
  }));
  for (const job of [...grouped, ...flat, ...counters]) add(job);
  for (const run of graphs.keys()) add({ run, ...graphOf(run), checkpoints: [], counters: [] });

  const jobs = [...found.values()]
    .filter((job) => job.graph || job.checkpoints.length > 0 || job.counters.length > 0)
    .map(({ counters: [counter = null], ...job }): HaJob => ({ ...job, counter }));
  const leader =
    (await readLeader(reader, of('leader', 'rest_server', 'connection_info'))) ??
    (await readLeader(reader, of('leader', 'rest_server_lock')));
  return present({ jobs, leader });
}

/** A job as one layout shows it. */
type FoundJob = Omit<HaJob, 'counter'> & { readonly counters: readonly (number | null)[] };

/** How often a listing that changes while it is read is read again. */
const PASSES = 5;
/** Requests in flight for one listing; listings nest once. */
const AT_ONCE = 16;
/** Answer of a reader for a child that is gone although its parent still named it. */
const GONE = Symbol('gone');

/**
 * Reads every child of a node, consistently: when a child is gone or the parent's children changed meanwhile, all of
 * it is read again. A node that is not there has no children.
 * @throws HaStoreUnavailable when it never stands still.
 */
async function eachChild<T>(
  reader: ZooKeeperReader,
  path: string,
  read: (name: string) => Promise<T | typeof GONE>,
): Promise<readonly T[]> {
  for (let pass = 0; pass < PASSES; pass++) {
    const before = await reader.children(path);
    if (before === null) return [];
    const values: T[] = [];
    let consistent = true;
    for (let i = 0; consistent && i < before.names.length; i += AT_ONCE) {
      for (const value of await Promise.all(before.names.slice(i, i + AT_ONCE).map(read)))
        if (value === GONE) consistent = false;
        else values.push(value);
    }
    if (!consistent) continue;
    const after = await reader.get(path);
    if (after?.childrenVersion === before.childrenVersion) return values;
  }
  throw failure(
    'HaStoreUnavailable',
    `The children of ${path} changed during each of ${PASSES} readings; the next attempt reads again.`,
    path,
  );
}

const runs = async (reader: ZooKeeperReader, path: string): Promise<ReadonlySet<RunId>> =>
  new Set(((await reader.children(path))?.names ?? []).filter(isRunId));

async function readGraphs(
  reader: ZooKeeperReader,
  path: string,
): Promise<readonly (readonly [RunId, NonNullable<HaJob['graphFile']>])[]> {
  const graphs = await eachChild(reader, path, async (name) => {
    if (!isRunId(name)) return null;
    const znode = join(path, name);
    const node = await reader.get(znode);
    return node === null ? GONE : ([name, { znode, handle: readHandle(node.data, znode) }] as const);
  });
  return graphs.filter((graph) => graph !== null);
}

async function eachRun(
  reader: ZooKeeperReader,
  path: string,
  read: (run: RunId) => Promise<FoundJob>,
): Promise<readonly FoundJob[]> {
  const jobs = await eachChild(reader, path, async (name) => (isRunId(name) ? read(name) : null));
  return jobs.filter((job) => job !== null);
}

const CHECKPOINT_NAME = /^\d{1,19}$/;

/**
 * `bareIsValid`: a checkpoint without any child may be one of Flink to 1.14 whose lock died with its JobManager. From
 * 1.15 on there is always a child `locks`, and a bare node is one that Flink is deleting.
 */
async function readCheckpoints(
  reader: ZooKeeperReader,
  path: string,
  bareIsValid: boolean,
): Promise<readonly HaCheckpoint[]> {
  const entries = await eachChild(reader, path, async (name) => {
    if (!CHECKPOINT_NAME.test(name)) return null;
    const znode = join(path, name);
    const node = await reader.get(znode);
    if (node === null) return GONE;
    return { id: BigInt(name), znode, bare: node.children === 0, handle: readHandle(node.data, znode) };
  });
  const checkpoints = entries.filter((entry) => entry !== null);
  const bareIsDeleted =
    !bareIsValid ||
    (checkpoints.some(({ bare }) => bare) &&
      (await anyLocks(
        reader,
        checkpoints.filter(({ bare }) => !bare).map(({ znode }) => znode),
      )));
  return checkpoints
    .sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0))
    .map(({ id, znode, bare, handle }) => ({
      id: id.toString(),
      znode,
      markedForDeletion: bare && bareIsDeleted,
      handle,
    }));
}

/** Whether one of the checkpoints was written by Flink 1.15 or later. */
async function anyLocks(reader: ZooKeeperReader, znodes: readonly string[]): Promise<boolean> {
  for (const znode of znodes)
    if ((await reader.children(znode))?.names.includes('locks') === true) return true;
  return false;
}

/** Curator's shared count: four bytes, big-endian. No node: nothing; other bytes: a counter nobody could go on from. */
async function readCounter(reader: ZooKeeperReader, path: string): Promise<readonly (number | null)[]> {
  const node = await reader.get(path);
  if (node === null) return [];
  return [node.data.length === 4 ? node.data.readInt32BE(0) : null];
}

/** The address in a leader node. The node stays behind empty after a crash: then nobody leads. */
async function readLeader(reader: ZooKeeperReader, path: string): Promise<string | null> {
  const node = await reader.get(path);
  return node === null || node.data.length === 0 ? null : readLeaderAddress(node.data, path);
}

/** Joins as Flink does: one slash between components, none at either end of one. */
function join(...parts: readonly string[]): string {
  const names = parts.map((part) => part.replace(/^\/+|\/+$/g, '')).filter((part) => part !== '');
  return `/${names.join('/')}`;
}
