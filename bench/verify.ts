import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { verifyState } from '../activities/verify-state.js';
import { webhdfsStorage } from '../adapters/webhdfs.js';
import type { FileHandle, Snapshot } from '../formats/snapshot.js';
import { startStack, type Stack } from '../stack/index.js';
import { classPath, java, jvmFlagsOpened, serverEnv } from '../stack/java.js';
import { root } from '../stack/root.js';
import { type BenchOptions, type BenchReport, machine, median, row } from './report.js';

interface VerifyOptions extends BenchOptions {
  /** Files of the checkpoint. Default 100,000. */
  readonly files?: number;
  /** Status calls that are measured for the baseline, spread over all files. Default 10,000. */
  readonly sample?: number;
}

/** Calls at the same time, for both sides: `verifyState`'s default. */
const CONCURRENCY = 8;
/** Entries that a NameNode gives at once (`dfs.ls.limit`). */
const PAGE = 1000;
const RUNS = 9;
/** Runs before the measured ones, on both sides: the NameNode compiles what it does often. */
const WARM_UP = 3;
const JOB = '/flink/checkpoints/00000000000000000000000000000001';

/**
 * Is everything there that a checkpoint of 100,000 files refers to? Ours, by listings of its directories, against one
 * GETFILESTATUS a file, over kept connections, on the same real NameNode in the same run. The calls are counted on
 * the wire, in a run of their own. The files are empty: neither a listing nor a status asks a DataNode, so their length changes nothing.
 */
export async function run(options: VerifyOptions = {}): Promise<BenchReport> {
  const total = options.files ?? 100_000;
  const say = options.onProgress ?? (() => undefined);
  const stack = await startStack({
    label: 'bench-verify',
    flink: 'none',
    kafka: false,
    zooKeepers: 0,
    nameNodes: 1,
  });
  try {
    const directories = layout(total);
    const made = performance.now();
    await makeFiles(stack, directories);
    say(`${total} files in ${directories.length} directories made in ${seconds(performance.now() - made)}`);
    const snapshot = snapshotOf(stack.endpoints.hdfsUri ?? '', directories);

    const nameNode = stack.endpoints.webhdfs[0] ?? '';
    const relay = await countingRelay(Number(new URL(nameNode).port));
    await verifyOnce(stack, relay.url, snapshot, total);
    const calls = relay.calls();
    await relay.close();
    say(`verified with ${calls} calls`);

    const sample = Math.min(total, options.sample ?? 10_000);
    const paths = pathsOf(directories);
    const chosen = Array.from({ length: sample }, (_, n) => paths[Math.floor((n * total) / sample)] ?? '');
    for (let n = 0; n < WARM_UP; n += 1) {
      await verifyOnce(stack, nameNode, snapshot, total);
      await statusOfEach(stack, chosen.slice(0, 1000));
    }
    // In turns, so that what else the machine does meets both sides.
    const ours: number[] = [];
    let measured = 0;
    for (let n = 0; n < RUNS; n += 1) {
      ours.push(await verifyOnce(stack, nameNode, snapshot, total));
      const share = chosen.filter((_, index) => index % RUNS === n);
      const took = await statusOfEach(stack, share);
      measured += took;
      say(
        `round ${n + 1} of ${RUNS}: all files ${seconds(ours[n] ?? 0)}; ${share.length} status calls ${seconds(took)}`,
      );
    }

    const pages = directories.reduce((sum, { count }) => sum + Math.max(1, Math.ceil(count / PAGE)), 0);
    const name = `${total.toLocaleString('en')} files`;
    return {
      scenario: 'verify',
      machine: machine('Hadoop 3.4.3'),
      rows: [
        row(`${name}: NameNode calls against directories, pages counted`, calls, pages, 'calls', 1.1),
        row(
          `${name}: time against one status call a file (${sample.toLocaleString('en')} measured)`,
          median(ours),
          (measured * total) / sample,
          'ms',
          0.05,
        ),
      ],
    };
  } finally {
    await stack.stop();
  }
}

interface Directory {
  readonly path: string;
  readonly count: number;
}

/** Three runs that build on each other share their files, as incremental checkpoints do; a tenth is exclusive. */
function layout(total: number): readonly Directory[] {
  const exclusive = Math.floor(total / 10);
  const shared = Math.floor((total - exclusive) / 3);
  return [
    { path: `${JOB}/chk-7`, count: exclusive },
    { path: `${JOB}/shared`, count: total - exclusive - 2 * shared },
    { path: JOB.replace(/1$/, '2/shared'), count: shared },
    { path: JOB.replace(/1$/, '3/shared'), count: shared },
  ];
}

const fileName = (n: number): string => `f${String(n).padStart(6, '0')}`;

const pathsOf = (directories: readonly Directory[]): readonly string[] =>
  directories.flatMap(({ path, count }) => Array.from({ length: count }, (_, n) => `${path}/${fileName(n)}`));

async function makeFiles(stack: Stack, directories: readonly Directory[]): Promise<void> {
  const { conf } = stack.hdfs;
  const args = [
    ...jvmFlagsOpened,
    '-Xmx256m',
    '-cp',
    classPath('hadoop', conf),
    join(root, 'bench/make-files/MakeFiles.java'),
    '32',
    ...directories.flatMap(({ path, count }) => [path, String(count)]),
  ];
  const env = serverEnv({ HADOOP_CONF_DIR: conf, HADOOP_USER_NAME: 'flink', HADOOP_HOME: stack.folder });
  await promisify(execFile)(java, args, { env });
}

function snapshotOf(
  uri: string,
  directories: readonly Directory[],
): Pick<Snapshot, 'operators' | 'directory'> {
  const handles = pathsOf(directories).map((path) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    handle: { kind: 'file', path: uri + path, size: 0 } satisfies FileHandle,
  }));
  const none = {
    finished: false,
    managedOperator: [],
    rawOperator: [],
    rawKeyed: [],
    inputChannels: [],
    resultSubpartitions: [],
  } as const;
  return {
    directory: `${uri}${JOB}/chk-7`,
    operators: [
      {
        id: '0123456789abcdef0123456789abcdef',
        name: null,
        uid: null,
        parallelism: 1,
        maxParallelism: 128,
        fullyFinished: false,
        coordinatorState: null,
        subtasks: [
          {
            ...none,
            index: 0,
            stateSize: 0,
            managedKeyed: [
              {
                kind: 'incremental',
                firstKeyGroup: 0,
                keyGroups: 128,
                stateSize: 0,
                checkpointId: 7,
                backendId: '00000000-0000-0000-0000-000000000001',
                checkpointedSize: null,
                stateHandleId: null,
                meta: null,
                shared: handles,
                private: [],
              },
            ],
          },
        ],
      },
    ],
  };
}

/** Milliseconds. Fails when not every file was found: a fast wrong answer is no answer. */
async function verifyOnce(
  stack: Stack,
  nameNode: string,
  snapshot: Pick<Snapshot, 'operators' | 'directory'>,
  total: number,
): Promise<number> {
  const { hdfsUri = '' } = stack.endpoints;
  const storage = webhdfsStorage(
    'bench',
    {
      kind: 'webhdfs',
      webhdfs: [nameNode],
      nameservice: null,
      authorities: [new URL(hdfsUri).host],
      user: 'flink',
      allow: ['/flink'],
      scratch: stack.scratch,
      redirectHosts: [],
    },
    // The limit protects a shared NameNode; neither side is held back by one here.
    { nameNodeCalls: 1_000_000 },
  );
  const start = performance.now();
  const { signal } = new AbortController();
  const found = await verifyState({ storage, snapshot, signal, depth: 'list', concurrency: CONCURRENCY });
  const took = performance.now() - start;
  await storage.close();
  if (found.verdict !== 'sound' || found.files.present !== total)
    throw new Error(
      `expected ${total} files to be there, found ${found.files.present} and the verdict ${found.verdict}: ${found.reasons[0]?.message ?? ''}`,
    );
  return took;
}

/** Milliseconds for one GETFILESTATUS of each path, the fastest way there is: kept connections, several at once. */
async function statusOfEach(stack: Stack, paths: readonly string[]): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const base = stack.endpoints.webhdfs[0] ?? '';
  const status = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const url = `${base}/webhdfs/v1${path}?op=GETFILESTATUS&user.name=flink`;
      const request = http.get(url, { agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          if (answer.statusCode === 200 && body.includes('"type":"FILE"')) resolve();
          else reject(new Error(`GETFILESTATUS ${path}: ${answer.statusCode ?? 0} ${body.slice(0, 200)}`));
        });
      });
      request.on('error', reject);
    });
  try {
    let next = 0;
    const start = performance.now();
    const lane = async (): Promise<void> => {
      for (let n = next++; n < paths.length; n = next++) await status(paths[n] ?? '');
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return performance.now() - start;
  } finally {
    agent.destroy();
  }
}

/** Passes connections on to a port and counts them: each call of the adapter is a connection of its own. */
async function countingRelay(
  port: number,
): Promise<{ url: string; calls(): number; close(): Promise<void> }> {
  let calls = 0;
  const relay = createServer((client) => {
    calls += 1;
    const server = connect(port, '127.0.0.1');
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.pipe(server).pipe(client);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port: own } = relay.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    calls: () => calls,
    async close() {
      relay.close();
      await once(relay, 'close');
    },
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
