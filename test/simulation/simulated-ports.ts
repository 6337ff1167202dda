/** `adapters/ports.ts` over the simulated world: what it shows, when it answers, and what it does when asked to act. */
import type {
  Call,
  FileStatus,
  Flink,
  FlinkCheckpoint,
  FlinkCheckpoints,
  FlinkJob,
  HaStore,
  Kafka,
  Ports,
  Storage,
  Submission,
} from '../../adapters/ports.js';
import { failure, fault, HoldfastError, type Fault, type FailureCode } from '../../domain/failure.js';
import type { RunId } from '../../domain/ids.js';
import { absent, present, unknown, type Reading } from '../../domain/reading.js';
import { simulatedReceiver } from './simulated-receiver.js';
import {
  accept,
  FLINK_NAME,
  isOver,
  isSeen,
  logEnd,
  over,
  positionAt,
  TOPIC,
  type SimRun,
  type World,
} from './world.js';

/** How a submission goes wrong although Flink takes it, or seems to have gone wrong although it does not. */
export type SubmitFault =
  | { readonly is: 'answer lost' }
  /** No answer; Flink starts the job this much later (milliseconds). */
  | { readonly is: 'late'; readonly by: number }
  /** No answer, and Flink never saw it. */
  | { readonly is: 'request lost' }
  /** Something between delivers it twice. */
  | { readonly is: 'twice' };

export interface PortHooks {
  /** Just before anything is changed outside. */
  act(
    what: 'submit' | 'commit' | 'set aside' | 'cancel' | 'savepoint',
    detail: { readonly submission?: Submission; readonly path?: string },
  ): void;
  /** A call to the outside is about to be made, by the step in whose name the code runs. */
  called(): void;
  /** The next submission's fault, if any. */
  submitFault(): SubmitFault | null;
}

const NAMENODE = 'nn1.prod:9870';
/** Stands in what systems say: it must not leave the worker. */
export const SECRET = 'krb5-Pa55word';
const SUBMIT_DEADLINE = 330_000;

export function simulatedPorts(world: World, hooks: PortHooks): Ports {
  const { timeline, random } = world;
  /** One round trip; what is told is how things are when the answer leaves. */
  const answer = async <T>(call: Call, look: () => T): Promise<T> => {
    hooks.called();
    await timeline.wait(random.chance(0.03) ? random.int(200, 3_000) : random.int(1, 12), call.signal);
    return look();
  };
  const storage = simulatedStorage(world, hooks, answer);
  const flink = simulatedFlink(world, hooks, answer);
  const haStore = simulatedHaStore(world, answer);
  const kafka = simulatedKafka(world, hooks, answer);
  return {
    clock: { now: () => timeline.now(), sleep: (ms, signal) => timeline.wait(ms, signal) },
    storageOf: (uri) =>
      storage.owns(uri)
        ? { name: 'prod', storage }
        : fault('StateForeign', `expected a path below hdfs://prod, found ${uri}`, uri),
    storage: () => storage,
    haStore: () => haStore,
    flink: () => flink,
    kafka: () => kafka,
    receivers: [simulatedReceiver(world)],
    close: () => Promise.resolve(),
    commands: { run: () => Promise.reject(failure('ConfigInvalid', 'the simulation has no programs')) },
    archivedEnd: (_directory, run, call) => storage.archived(run, call),
  };
}

type Answer = <T>(call: Call, look: () => T) => Promise<T>;

// ── HDFS ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface SimulatedStorage extends Storage {
  archived(run: RunId, call: Call): Promise<Reading<{ readonly state: string }>>;
}

function simulatedStorage(world: World, hooks: PortHooks, answer: Answer): SimulatedStorage {
  const away = (kind: 'look' | 'read' | 'write'): Fault | null => {
    const say = (code: FailureCode, message: string): Fault => fault(code, message, NAMENODE);
    if (world.unseen.has('hdfs')) return say('StorageUnavailable', 'no route to host');
    switch (world.hdfs) {
      case 'up':
        return null;
      case 'down':
        return say('StorageUnavailable', `connection refused (user=flink&delegation=${SECRET})`);
      case 'standby':
        return say('StorageStandby', 'Operation category READ is not supported in state standby');
      case 'safemode':
        return kind === 'write' ? say('StorageSafeMode', 'Name node is in safe mode') : null;
      case 'no datanode':
        if (kind === 'look') return null;
        return kind === 'read'
          ? say('BlocksMissing', 'No active nodes contain this block')
          : say('StorageNotWritable', 'could only be written to 0 of the 1 minReplication nodes');
    }
  };
  const look = <T>(call: Call, kind: 'look' | 'read', of: () => Reading<T>): Promise<Reading<T>> =>
    answer(call, () => {
      const because = away(kind);
      return because === null ? of() : unknown(because);
    });
  const status = (path: string): FileStatus | null => {
    const file = world.files.get(path);
    if (file) return { path, kind: 'file', length: file.length, modified: file.modified };
    const below = [...world.files].filter(([name]) => name.startsWith(`${path}/`));
    if (below.length === 0) return null;
    return { path, kind: 'directory', length: 0, modified: Math.max(...below.map(([, f]) => f.modified)) };
  };
  return {
    owns: (uri) => uri.startsWith('hdfs://prod/'),
    proveUsable: (call) =>
      answer(call, () => {
        const because = away('write');
        if (because !== null) throw new HoldfastError(because);
        return { identity: `${NAMENODE}#${world.nameNode}`, endpoint: NAMENODE };
      }),
    stat: (uri, call) =>
      look(call, 'look', () => {
        const found = status(uri);
        return found === null ? absent : present(found);
      }),
    list: (uri, take, call) =>
      look(call, 'look', () => {
        if (status(uri)?.kind !== 'directory') return absent;
        const names = [...world.files.keys()].filter((n) => n.startsWith(`${uri}/`));
        const children = [...new Set(names.map((n) => n.slice(uri.length + 1).split('/')[0] ?? ''))].sort();
        take(children.flatMap((name) => status(`${uri}/${name}`) ?? []));
        return present({ entries: children.length });
      }),
    read: (uri, { offset, length }, call) =>
      look(call, 'read', (): Reading<Uint8Array> => {
        const file = world.files.get(uri);
        if (file === undefined) return absent;
        if (file.lost) return unknown(fault('BlocksMissing', 'No active nodes contain this block', uri));
        const bytes = file.bytes ?? new Uint8Array(file.length);
        return present(bytes.subarray(offset, offset + length));
      }),
    blocks: (uri, call) =>
      look(call, 'look', () => {
        const lost = [...world.files].filter(([name, f]) => name.startsWith(uri) && f.lost).map(([n]) => n);
        return present({ healthy: lost.length === 0, missingFiles: lost, corruptFiles: [] });
      }),
    archived: (run, call) =>
      look(call, 'read', () => {
        const state = world.archive.get(run);
        return state === undefined ? absent : present({ state });
      }),
    setAside: (uri, to, call) =>
      answer(call, () => {
        const because = away('write');
        if (because !== null) throw new HoldfastError(because);
        hooks.act('set aside', { path: uri });
        const file = world.files.get(uri);
        if (file === undefined || world.files.has(to))
          throw failure('StorageUnavailable', 'the rename could not be confirmed', uri);
        world.files.delete(uri);
        world.files.set(to, file);
      }),
  };
}

// ── ZooKeeper ───────────────────────────────────────────────────────────────────────────────────────────────────

function simulatedHaStore(world: World, answer: Answer): HaStore {
  return {
    cluster: (_at, call) =>
      answer(call, () => {
        if (!isSeen(world, 'zookeeper'))
          return unknown(
            fault('HaStoreUnavailable', `no session for flink:${SECRET}: connection loss`, 'zk'),
          );
        const jobs = world.runs.flatMap((run) => {
          if (run.ha === null) return [];
          const checkpoints = run.ha.checkpoints.map((id) => ({
            id: String(id),
            znode: `/flink/default/jobs/${run.run}/checkpoints/${id}`,
            markedForDeletion: false,
            // The HA files lie on a file system that no storage of the configuration owns.
            handle: unknown(fault('StateForeign', 'the HA file lies elsewhere')),
          }));
          return [{ run: run.run, graph: run.ha.graph, checkpoints, counter: run.nextId }];
        });
        return present({ jobs, leader: world.up.flink ? 'http://jm:8081' : null });
      }),
  };
}

// ── Flink ───────────────────────────────────────────────────────────────────────────────────────────────────────

function simulatedFlink(world: World, hooks: PortHooks, answer: Answer): Flink {
  const { timeline } = world;
  const refused = fault('FlinkUnavailable', 'connection refused', `http://flink:${SECRET}@jm:8081`);
  const look = <T>(call: Call, of: () => Reading<T>): Promise<Reading<T>> =>
    answer(call, () => (isSeen(world, 'flink') ? of() : unknown(refused)));
  const known = (id: RunId): SimRun | undefined => world.runs.findLast((r) => r.run === id && r.known);
  const shown = (run: SimRun): FlinkJob => ({
    run: run.run,
    name: FLINK_NAME,
    state: run.state,
    startTime: run.started,
    endTime: run.ended,
  });
  const tasks = (run: SimRun): Readonly<Record<string, number>> =>
    run.tasks === 'running' ? { RUNNING: 4 } : run.tasks === 'scheduled' ? { SCHEDULED: 4 } : { CREATED: 4 };
  /** What Flink does with a submission that reached it; throws as the adapter would. */
  const take = (s: Submission): 'accepted' | 'duplicate' => {
    if (!isSeen(world, 'flink')) throw new HoldfastError(refused);
    const same = known(s.run);
    if (same !== undefined && !isOver(same)) return 'duplicate';
    if (world.hdfs !== 'up') throw failure('StorageUnavailable', 'Could not upload job files', s.run);
    if (s.savepointPath !== null && !world.files.has(`${s.savepointPath}/_metadata`))
      throw failure('StateMissing', 'Cannot find meta data file in directory', s.savepointPath);
    accept(world, s.run, 'holdfast', s.savepointPath);
    return 'accepted';
  };
  return {
    overview: (call) =>
      look(call, () =>
        present({
          version: '1.20.5',
          slotsTotal: world.up.taskmanagers ? 4 : 0,
          slotsAvailable: 0,
          taskManagers: world.up.taskmanagers ? 1 : 0,
          endpoint: 'http://jm:8081',
        }),
      ),
    configuration: (call) =>
      look(call, () =>
        present({
          'high-availability.type': 'zookeeper',
          'high-availability.zookeeper.path.root': '/flink',
          'high-availability.cluster-id': '/default',
        }),
      ),
    jobs: (call) => look(call, () => present(newestOfEachId(world).map(shown))),
    job: (id, call) =>
      look(call, () => {
        const run = known(id);
        return run === undefined
          ? absent
          : present({ ...shown(run), tasks: tasks(run), timestamps: {}, vertices: [] });
      }),
    checkpoints: (id, call) =>
      look(call, () => {
        const run = known(id);
        return run === undefined ? absent : present(checkpointsOf(run));
      }),
    checkpointConfig: (id, call) =>
      look(call, () =>
        known(id) === undefined
          ? absent
          : present({
              interval: 3_000,
              timeout: 20_000,
              retainedOnCancellation: true,
              tolerableFailed: 0,
              mode: 'exactly_once',
            }),
      ),
    exceptions: (id, call) =>
      look(call, () =>
        present((known(id)?.faults ?? []).map((f) => ({ ...f, name: 'Exception', task: null }))),
      ),
    sourceCount: (id, _topics, call) =>
      look(call, () => {
        const run = known(id);
        if (run === undefined || run.read === null || run.tasks !== 'running') return absent;
        const next = BigInt(Math.max(run.read.from, positionAt(world, timeline.now())));
        return present({
          read: 2n * (next - BigInt(run.read.from)),
          positions: [0, 1].map((partition) => ({ topic: TOPIC, partition, offset: next })),
        });
      }),
    async submit(s, call) {
      hooks.called();
      hooks.act('submit', { submission: s });
      const wrong = hooks.submitFault();
      const sent = timeline.now();
      world.flying.set(s.run, sent);
      const landed = (): void => {
        if (world.flying.get(s.run) === sent) world.flying.delete(s.run);
      };
      const inDoubt = (): HoldfastError => failure('SubmitInDoubt', `no answer to token ${SECRET}`, s.run);
      if (wrong?.is === 'late') {
        // The effect belongs to Flink: it comes whatever becomes of the caller.
        timeline.at(sent + wrong.by, () => {
          landed();
          quietly(() => take(s));
        });
        await timeline.wait(Math.min(SUBMIT_DEADLINE, world.random.int(2_000, 40_000)), call.signal);
        throw inDoubt();
      }
      if (wrong?.is === 'request lost') {
        await timeline.wait(20_000, call.signal).finally(landed);
        throw inDoubt();
      }
      if (world.hdfs !== 'up' && world.up.flink) {
        // Flink hangs on the upload of the job files, or refuses at once; nothing is left behind.
        landed();
        await timeline.wait(world.hdfs === 'down' ? 40_000 : 200, call.signal);
        throw failure('StorageUnavailable', 'Could not upload job files', s.run);
      }
      let outcome: 'accepted' | 'duplicate' | HoldfastError = 'accepted';
      let arrived = false;
      timeline.at(sent + world.random.int(20, 400), () => {
        landed();
        arrived = true;
        outcome = quietly(() => take(s));
        if (wrong?.is === 'twice') quietly(() => take(s));
      });
      while (!arrived) await timeline.wait(50, call.signal);
      await timeline.wait(world.random.int(5, 200), call.signal);
      if (wrong?.is === 'answer lost') throw inDoubt();
      const told = outcome as 'accepted' | 'duplicate' | HoldfastError;
      if (typeof told !== 'string') throw told;
      return told;
    },
    cancel: (id, call) =>
      answer(call, () => {
        hooks.act('cancel', {});
        if (!world.up.flink) throw new HoldfastError(refused);
        const run = known(id);
        if (run !== undefined && !isOver(run)) over(world, run, 'CANCELED');
      }),
    savepoint: (_run, _to, call) =>
      answer(call, () => {
        hooks.act('savepoint', {});
        throw failure('FlinkUnavailable', 'the simulation takes no savepoints');
      }),
  };
}

/** An id that was used again is one job for Flink: the last. */
const newestOfEachId = (world: World): readonly SimRun[] =>
  world.runs.filter((r, i) => r.known && world.runs.findLastIndex((o) => o.run === r.run) === i);

function quietly(take: () => 'accepted' | 'duplicate'): 'accepted' | 'duplicate' | HoldfastError {
  try {
    return take();
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
}

function checkpointsOf(run: SimRun): FlinkCheckpoints {
  const history = run.checkpoints
    .slice(-10)
    .reverse()
    .map((c): FlinkCheckpoint => ({
      id: String(c.id),
      status: 'COMPLETED',
      savepoint: c.kind !== 'checkpoint',
      terminating: c.kind === 'stopping savepoint',
      path: c.path,
      discarded: c.discarded,
      triggered: c.triggered,
      stateSize: 5_100,
      failure: null,
    }));
  const restored = run.restored;
  return {
    counts: {
      completed: run.checkpoints.length,
      failed: 0,
      restored: restored === null ? 0 : 1,
      inProgress: 0,
    },
    latestCompleted: history[0] ?? null,
    latestSavepoint: history.find((c) => c.savepoint) ?? null,
    restored:
      restored === null
        ? null
        : { id: String(restored.id), path: restored.path, savepoint: true, time: restored.time },
    history,
  };
}

// ── Kafka ───────────────────────────────────────────────────────────────────────────────────────────────────────

function simulatedKafka(world: World, hooks: PortHooks, answer: Answer): Kafka {
  const away = fault('KafkaUnavailable', 'no broker answers', 'k1:9092');
  const look = <T>(call: Call, of: () => Reading<T>): Promise<Reading<T>> =>
    answer(call, () => (isSeen(world, 'kafka') ? of() : unknown(away)));
  const both = [0, 1] as const;
  return {
    ranges: (topic, call) =>
      look(call, () =>
        topic !== TOPIC
          ? absent
          : present(
              both.map((partition) => ({
                topic,
                partition,
                start: BigInt(world.kafka.start),
                end: BigInt(logEnd(world)),
              })),
            ),
      ),
    offsetsAt: (topic, _time, call) =>
      look(call, () =>
        present(both.map((partition) => ({ topic, partition, offset: BigInt(logEnd(world)) }))),
      ),
    settings: (_topic, call) =>
      look(call, () => present({ retentionMs: 7 * 86_400_000, retentionBytes: null, compacted: false })),
    timestamps: (at, call) =>
      look(call, () =>
        present(
          at.map(({ topic, partition, offset }) => ({
            topic,
            partition,
            time: world.kafka.origin + Number(offset) * 100,
            transactional: false,
          })),
        ),
      ),
    group: (_group, topics, call) =>
      look(call, () =>
        present({
          state: world.kafka.members > 0 ? 'Stable' : 'Empty',
          members: world.kafka.members,
          offsets: [...world.kafka.group].flatMap(([key, offset]) => {
            const [topic, partition] = key.split('/');
            return topic !== undefined && topics.includes(topic)
              ? [{ topic, partition: Number(partition), offset: BigInt(offset) }]
              : [];
          }),
        }),
      ),
    commitGroup: (_group, offsets, call) =>
      answer(call, () => {
        if (!isSeen(world, 'kafka')) throw new HoldfastError(away);
        if (world.kafka.members > 0) throw failure('TwinRunning', 'the group has live members');
        hooks.act('commit', {});
        for (const o of offsets) world.kafka.group.set(`${o.topic}/${o.partition}`, Number(o.offset));
      }),
  };
}
