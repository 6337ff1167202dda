/** Asks everything that the configuration names whether it works: one sentence each, and what mends it. */
import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import pMap from 'p-map';
import { connectPorts } from '../adapters/connect.js';
import type { Call, Ports } from '../adapters/ports.js';
import {
  ClientError,
  connectTemporal,
  holdfastClient,
  QUEUES,
  registeredSearchAttributes,
  registerSearchAttributes,
  SEARCH_ATTRIBUTES,
  type HoldfastClient,
} from '../client/index.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { FAILURES, faultOf, type Fault } from '../domain/failure.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import type { Terminal } from './terminal.js';
import { lasting } from '../domain/words.js';

export interface DoctorOptions extends CommonOptions {
  readonly fix?: boolean;
}

interface Finding {
  /** What was asked: `storage prod`. */
  readonly about: string;
  readonly good: boolean;
  readonly says: string;
  /** What a person can do; null when nothing has to be done. */
  readonly mend: string | null;
}

type Check = { readonly about: string; readonly ask: () => Promise<Omit<Finding, 'about'>> };

const DEADLINE = 10_000;

const good = (says: string): Omit<Finding, 'about'> => ({ good: true, says, mend: null });
const bad = (says: string, mend: string): Omit<Finding, 'about'> => ({ good: false, says, mend });
const faulty = (of: Fault): Omit<Finding, 'about'> =>
  bad(`${of.code}: ${of.message}${of.where === undefined ? '' : ` (${of.where})`}`, FAILURES[of.code].person);

export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<ExitCode> {
  const config = loadConfig({ file: options.config });
  const ports = connectPorts(config);
  const temporal = connectTemporal(config.temporal, 'cli');
  const client = holdfastClient({ client: temporal, config });
  const call: Call = { signal: terminal.signal, deadline: DEADLINE };
  try {
    const checks = [
      ...temporalChecks(config, temporal, client, options.fix === true),
      ...systemChecks(config, ports, call),
      ...jobChecks(config),
    ];
    const findings = await pMap(checks, perform, { concurrency: 8 });
    if (options.json === true)
      terminal.write(JSON.stringify({ good: findings.every((f) => f.good), findings }));
    else for (const finding of findings) tell(finding, terminal);
    return findings.every((f) => f.good) ? EXIT.done : EXIT.no;
  } finally {
    await Promise.allSettled([ports.close(), client.close()]);
  }
}

async function perform({ about, ask }: Check): Promise<Finding> {
  try {
    return { about, ...(await ask()) };
  } catch (error) {
    if (error instanceof ClientError) return { about, ...bad(error.message, 'Mend it and ask again.') };
    return { about, ...faulty(faultOf(error)) };
  }
}

function tell({ about, good: fine, says, mend }: Finding, terminal: Terminal): void {
  terminal.write(`${fine ? terminal.paint('green', '✓') : terminal.paint('red', '✗')} ${about}: ${says}`);
  if (mend !== null) terminal.write(`    ${mend}`);
}

function temporalChecks(
  config: Config,
  temporal: Client,
  client: HoldfastClient,
  fix: boolean,
): readonly Check[] {
  const { address, namespace } = config.temporal;
  const timed = <T>(ask: () => Promise<T>): Promise<T> => temporal.withDeadline(Date.now() + DEADLINE, ask);
  return [
    {
      about: 'temporal',
      ask: async () => {
        const open = await client.cases({ limit: 1000 });
        const count = open.filter((c) => c.state === 'open').length;
        return good(
          `${address}, namespace ${namespace}, answers; ${count} open ${count === 1 ? 'case' : 'cases'}`,
        );
      },
    },
    {
      about: 'search attributes',
      ask: async () => {
        const added = fix ? await timed(() => registerSearchAttributes(temporal)) : [];
        const known = [...added, ...(await timed(() => registeredSearchAttributes(temporal)))];
        const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => !known.includes(name));
        if (missing.length > 0) {
          return bad(
            `not registered: ${missing.join(', ')}; cases cannot be searched by them`,
            'holdfast doctor --fix',
          );
        }
        return good(added.length > 0 ? `now registered: ${added.join(', ')}` : 'all registered');
      },
    },
    ...Object.values(QUEUES).map((queue): Check => ({
      about: `worker of ${queue}`,
      ask: async () => {
        const pollers = await timed(() => pollersOf(temporal, namespace, queue));
        return pollers.length > 0
          ? good(`${pollers.length} polling: ${pollers.slice(0, 3).join(', ')}`)
          : bad('nobody polls this queue: recoveries wait', 'holdfast worker');
      },
    })),
    ...Object.keys(config.clusters).map((cluster): Check => ({
      about: `watch over ${cluster}`,
      ask: async () => {
        const ledger = await client.ledger(cluster);
        if (ledger === null)
          return bad('was never started: nothing is remembered of its jobs', `holdfast watch ${cluster}`);
        const jobs = Object.entries(config.jobs).filter(([, job]) => String(job.cluster) === cluster);
        const unknown = jobs.map(([job]) => job).filter((job) => ledger[job] === undefined);
        if (unknown.length > 0)
          return bad(
            `remembers nothing of ${unknown.join(', ')}`,
            'Is the job running, and match.name right?',
          );
        const seen = Math.min(...Object.values(ledger).map((l) => l.runs[0]?.seen ?? 0));
        return good(
          `remembers ${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'}, last written ${lasting(Date.now() - seen)} ago`,
        );
      },
    })),
  ];
}

/** Identities of the workers that polled a queue in the last minutes. */
async function pollersOf(temporal: Client, namespace: string, queue: string): Promise<readonly string[]> {
  const ACTIVITY = 2;
  const { pollers } = await temporal.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: ACTIVITY,
  });
  return (pollers ?? []).map((poller) => poller.identity ?? '');
}

function systemChecks(config: Config, ports: Ports, call: Call): readonly Check[] {
  return [
    ...Object.keys(config.storage).map((name): Check => ({
      about: `storage ${name}`,
      ask: async () => {
        const proof = await ports.storage(name).proveUsable(call);
        return good(`usable: ${proof.endpoint} is active, a probe file was written and read back`);
      },
    })),
    ...Object.entries(config.clusters).flatMap(([name, cluster]): Check[] => [
      {
        about: `flink ${name}`,
        ask: async () => {
          const seen = await ports.flink(name).overview(call);
          if (seen.is === 'unknown') return faulty(seen.because);
          if (seen.is === 'absent')
            return bad('the answer holds nothing', 'Is flink.rest the address of a JobManager?');
          const { version, endpoint, taskManagers, slotsAvailable, slotsTotal } = seen.value;
          const slots = `${taskManagers} TaskManagers, ${slotsAvailable} of ${slotsTotal} slots free`;
          return taskManagers > 0
            ? good(`Flink ${version} at ${endpoint}, ${slots}`)
            : bad(`Flink ${version} at ${endpoint} has no TaskManager`, FAILURES.NoSlots.person);
        },
      },
      ...(cluster.ha === null ? [] : [haCheck(name, cluster.ha, ports, call)]),
      ...[
        ['checkpoints', cluster.checkpoints],
        ['savepoints', cluster.savepoints],
        ['HA storage', cluster.ha?.storageDir ?? null],
      ].flatMap(([what, uri]): Check[] =>
        uri === null || uri === undefined ? [] : [directoryCheck(`${what} of ${name}`, uri, ports, call)],
      ),
    ]),
    ...Object.keys(config.kafka).map((name): Check => ({
      about: `kafka ${name}`,
      ask: async () => {
        const groups = Object.values(config.jobs).flatMap(({ kafka }) =>
          kafka?.cluster === name && kafka.group !== null ? [kafka.group] : [],
        );
        const seen = await ports.kafka(name).group(groups[0] ?? 'holdfast-doctor', [], call);
        if (seen.is === 'unknown') return faulty(seen.because);
        if (groups[0] === undefined || seen.is === 'absent') return good('answers');
        return good(`answers; group ${groups[0]} is ${seen.value.state}`);
      },
    })),
  ];
}

function haCheck(
  name: string,
  ha: NonNullable<Config['clusters'][keyof Config['clusters']]['ha']>,
  ports: Ports,
  call: Call,
): Check {
  return {
    about: `zookeeper ${ha.zookeeper}, HA of ${name}`,
    ask: async () => {
      const seen = await ports
        .haStore(ha.zookeeper)
        .cluster({ root: ha.root, clusterId: ha.clusterId }, call);
      if (seen.is === 'unknown') return faulty(seen.because);
      if (seen.is === 'absent') {
        return bad(
          `${ha.root} holds no cluster ${ha.clusterId}`,
          'Compare ha.root and ha.clusterId with the high-availability settings of Flink; a cluster that never ran has none yet.',
        );
      }
      const { jobs, leader } = seen.value;
      const held = jobs.filter((job) => job.graph || job.checkpoints.length > 0).length;
      return good(`holds the HA data of ${held} ${held === 1 ? 'job' : 'jobs'}, leader ${leader ?? 'none'}`);
    },
  };
}

function directoryCheck(about: string, uri: string, ports: Ports, call: Call): Check {
  return {
    about,
    ask: async () => {
      const found = ports.storageOf(uri);
      if ('code' in found) return faulty(found);
      const seen = await found.storage.stat(uri, call);
      if (seen.is === 'unknown') return faulty(seen.because);
      if (seen.is === 'absent')
        return bad(`${uri} is not there`, 'Is the path right? Flink creates it with the first file.');
      return seen.value.kind === 'directory'
        ? good(`${uri} is there`)
        : bad(`${uri} is a file`, 'Name the directory.');
    },
  };
}

function jobChecks(config: Config): readonly Check[] {
  return Object.entries(config.jobs).flatMap(([name, { launch }]): Check[] => {
    if (launch.kind !== 'jar') return [];
    const { jar } = launch;
    return [
      {
        about: `jar of ${name}`,
        ask: async () =>
          existsSync(jar) ? good(`${jar} is there`) : bad(`${jar} is not there`, FAILURES.JarMissing.person),
      },
    ];
  });
}
