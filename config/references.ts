/**
 * Do the parts of a configuration fit together? Works on the file as written, so that a reference is checked even when
 * something else in the file is wrong: all problems are told at once.
 */
import { PLACEHOLDERS, placeholdersIn } from '../domain/launch-command.js';
import type { Finding } from './problems.js';

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const tree = (value: unknown): Tree => (isTree(value) ? value : {});
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === 'string') : [];

/** RPC ports in common use: 8020 is the default of fs.defaultFS, 9000 that of many installations. */
const RPC_PORTS = [8020, 9000];

/** What URIs may name when `authorities` is left out: the NameNodes' hosts, bare and with the usual RPC ports. */
export function defaultAuthorities(webhdfs: readonly string[]): readonly string[] {
  const hosts = webhdfs.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
  return [...new Set(hosts)].flatMap((host) => [host, ...RPC_PORTS.map((port) => `${host}:${port}`)]);
}

interface StorageView {
  readonly name: string;
  readonly kind: 'webhdfs' | 'file';
  readonly authorities: readonly string[];
  readonly allow: readonly string[];
}

function storageViews(root: Tree): readonly StorageView[] {
  return Object.entries(tree(root['storage'])).map(([name, value]): StorageView => {
    const s = tree(value);
    const allow = texts(s['allow']);
    if (s['kind'] === 'file') return { name, kind: 'file', authorities: [''], allow };
    const nameservice = typeof s['nameservice'] === 'string' ? [s['nameservice']] : [];
    const authorities = Array.isArray(s['authorities'])
      ? texts(s['authorities'])
      : defaultAuthorities(texts(s['webhdfs']));
    return { name, kind: 'webhdfs', authorities: [...nameservice, ...authorities], allow };
  });
}

const SCHEMES: Readonly<Record<string, StorageView['kind']>> = {
  hdfs: 'webhdfs',
  webhdfs: 'webhdfs',
  file: 'file',
};

function splitUri(uri: string): { scheme: string; authority: string; path: string } | null {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/]*))?(\/.*)?$/i.exec(uri);
  if (match === null) return null;
  return { scheme: (match[1] ?? '').toLowerCase(), authority: match[2] ?? '', path: match[3] ?? '/' };
}

const within = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory.replace(/\/+$/, '')}/`);

/** Why no storage takes a URI, with the mend; null when one does. */
function whyForeign(uri: string, storages: readonly StorageView[]): string | null {
  const parts = splitUri(uri);
  if (parts === null) return null; // the schema says what is wrong with it
  const kind = SCHEMES[parts.scheme];
  if (kind === undefined) {
    return `no storage serves '${parts.scheme}:' URIs: expected hdfs:// (storage kind webhdfs) or file:/ (kind file)`;
  }
  const sameKind = storages.filter((s) => s.kind === kind);
  if (sameKind.length === 0) return `no storage of kind ${kind} is configured: add one under storage`;
  const owners = sameKind.filter((s) => kind === 'file' || s.authorities.includes(parts.authority));
  const [owner] = owners;
  if (owner === undefined) {
    const known = sameKind.map((s) => `${s.name} takes ${s.authorities.join(', ') || 'none'}`).join('; ');
    return (
      `no storage takes the host '${parts.authority}' (${known}): ` +
      `add authorities: ['${parts.authority}'] to storage.${sameKind[0]?.name ?? 'NAME'}, or set its nameservice`
    );
  }
  const allowed = owners.some(
    ({ allow }) => allow.length === 0 || allow.some((directory) => within(parts.path, directory)),
  );
  if (!allowed) {
    return `storage.${owner.name} may look only at ${owner.allow.join(', ')}: add ${parts.path} to its allow list`;
  }
  return null;
}

/** An authority that both take; undefined: none. */
const overlap = (one: StorageView, other: StorageView): string | undefined =>
  one.kind === other.kind ? one.authorities.find((a) => other.authorities.includes(a)) : undefined;

function reference(
  root: Tree,
  section: string,
  path: readonly (string | number)[],
  value: unknown,
): Finding[] {
  if (typeof value !== 'string') return [];
  const names = Object.keys(tree(root[section]));
  if (names.includes(value)) return [];
  return [
    {
      path,
      message: `expected a name under ${section}: there ${names.length === 0 ? 'is none' : names.length === 1 ? `is ${names[0]}` : `are ${names.join(', ')}`}`,
      ...(names[0] === undefined ? {} : { example: names[0] }),
    },
  ];
}

/** A launch command that is not told what to restore would start the job from nothing. */
function checkLaunch(at: readonly string[], launch: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const key of ['command', 'lookup'] as const) {
    const command = texts(launch[key]);
    if (command.length === 0) continue;
    const found = placeholdersIn(command);
    const say = (message: string) => findings.push({ path: [...at, key], message });
    const strange = found.find((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
    if (strange !== undefined)
      say(`expected the placeholders {${PLACEHOLDERS.join('}, {')}}, found {${strange}}`);
    if (key === 'command' && !found.includes('restorePath'))
      say('expected {restorePath} in the command: without it the job starts from nothing');
    if (!found.includes('runId') && !found.includes('clusterId'))
      say('expected {runId} or {clusterId}: without one nobody can find the run again');
  }
  return findings;
}

/** Everything that does not fit together. */
export function checkReferences(file: unknown): Finding[] {
  const root = tree(file);
  const storages = storageViews(root);
  const findings: Finding[] = [];

  const place = (path: readonly (string | number)[], value: unknown) => {
    if (typeof value !== 'string') return;
    const why = whyForeign(value, storages);
    if (why !== null) findings.push({ path, message: why });
  };

  for (const [i, one] of storages.entries()) {
    const twin = storages.slice(0, i).find((other) => one.kind === 'webhdfs' && overlap(one, other));
    if (twin === undefined) continue;
    findings.push({
      path: ['storage', one.name],
      message: `takes the same URIs as storage.${twin.name} (${overlap(one, twin)}): give each its own nameservice and authorities`,
      showValue: false,
    });
  }

  for (const [name, value] of Object.entries(tree(root['clusters']))) {
    const cluster = tree(value);
    const at = ['clusters', name];
    for (const key of ['checkpoints', 'savepoints', 'archive']) place([...at, key], cluster[key]);
    if (isTree(cluster['ha'])) {
      findings.push(...reference(root, 'zookeeper', [...at, 'ha', 'zookeeper'], cluster['ha']['zookeeper']));
      place([...at, 'ha', 'storageDir'], cluster['ha']['storageDir']);
    }
  }

  const claimed = new Map<string, string>();
  for (const [name, value] of Object.entries(tree(root['jobs']))) {
    const job = tree(value);
    const at = ['jobs', name];
    findings.push(...reference(root, 'clusters', [...at, 'cluster'], job['cluster']));
    if (isTree(job['launch'])) findings.push(...checkLaunch([...at, 'launch'], job['launch']));
    if (isTree(job['kafka'])) {
      findings.push(...reference(root, 'kafka', [...at, 'kafka', 'cluster'], job['kafka']['cluster']));
    }
    const flinkName = tree(job['match'])['name'] ?? name;
    const key = JSON.stringify([job['cluster'], flinkName]);
    const other = claimed.get(key);
    if (other !== undefined) {
      findings.push({
        path: [...at, 'match', 'name'],
        message: `two jobs of one cluster have the same Flink name: jobs.${other} has it too; give each its own match.name`,
      });
    }
    claimed.set(key, name);
  }

  const intake = tree(root['intake']);
  const host = intake['host'];
  const open = intake['bearer'] === undefined && intake['hmac'] === undefined;
  if (typeof host === 'string' && open && !isLoopback(host)) {
    findings.push({
      path: ['intake', 'host'],
      message: 'expected 127.0.0.1 while nobody has to authenticate: add intake.bearer or intake.hmac',
      example: 'bearer: {env: HOLDFAST_INTAKE_TOKEN}',
    });
  }
  return findings;
}

/** Whether an address can be reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
