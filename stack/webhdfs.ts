import { request } from 'node:http';

/** A few WebHDFS calls for tests and the demo. Not the product's adapter: it knows one NameNode and no retries. */

export interface FileStatus {
  readonly pathSuffix: string;
  readonly type: 'FILE' | 'DIRECTORY';
  readonly length: number;
  readonly owner: string;
  readonly permission: string;
  readonly modificationTime: number;
}

export interface WebHdfs {
  /** Undefined: the file does not exist. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Names and more, sorted as HDFS does; undefined: the directory does not exist. */
  list(path: string): Promise<readonly FileStatus[] | undefined>;
  read(path: string): Promise<Buffer>;
  /** Replaces what is there. */
  write(path: string, content: Uint8Array | string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Recursively; false: there was nothing. */
  remove(path: string): Promise<boolean>;
  /** Into an existing directory when the target is one, as HDFS does; false: refused. */
  rename(from: string, to: string): Promise<boolean>;
  setOwner(path: string, owner: string): Promise<void>;
  setPermission(path: string, octal: string): Promise<void>;
  /** Epoch milliseconds: makes a file older than it is, so that nobody has to wait for it. */
  setModified(path: string, time: number): Promise<void>;
  /** Ids of the blocks of a file, in order. */
  blocks(path: string): Promise<readonly number[]>;
}

interface Answer {
  readonly FileStatus?: FileStatus;
  readonly FileStatuses?: { readonly FileStatus: readonly FileStatus[] };
  readonly boolean?: boolean;
  readonly RemoteException?: { readonly exception: string; readonly message: string };
  readonly LocatedBlocks?: {
    readonly locatedBlocks: readonly { readonly block: { readonly blockId: number } }[];
  };
}

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Buffer;
}

/** A DataNode looks for a lost block for 14 s before it gives up. */
const TIMEOUT_MS = 30_000;
const isGood = (status: number): boolean => status >= 200 && status < 300;

/**
 * One request. Not `fetch`: a DataNode answers an upload with an interim "100 Continue" that nobody asked for, and
 * undici takes that for a bad response.
 */
function send(method: string, url: string, content?: Uint8Array): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method,
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { 'content-length': content?.length ?? 0 },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', reject);
        incoming.once('end', () => {
          const { statusCode: status = 0, headers } = incoming;
          // A DataNode names the file it made in the same header: only a redirect leads on.
          const location = status === 307 ? headers.location : undefined;
          resolve({ status, location, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(content);
  });
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** @param base `http://host:port` of a NameNode, the active one of a pair */
export function webHdfs(base: string | (() => Promise<string>), user = 'hdfs'): WebHdfs {
  async function call(
    method: string,
    path: string,
    op: string,
    more: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<Reply> {
    const query = new URLSearchParams({ op, 'user.name': user, ...more });
    const host = typeof base === 'string' ? base : await base();
    const url = `${host}/webhdfs/v1${encodePath(path)}?${query.toString()}`;
    const first = await send(method, url);
    return first.location === undefined ? first : send(method, first.location, body);
  }

  async function answer(what: string, { status, body }: Reply): Promise<Answer | undefined> {
    const text = body.toString();
    const parsed = text === '' ? {} : (JSON.parse(text) as Answer);
    if (isGood(status)) return parsed;
    const { exception, message } = parsed.RemoteException ?? { exception: '-', message: text.slice(0, 300) };
    if (exception === 'FileNotFoundException') return undefined;
    throw new Error(`${what}: HDFS answered ${status} ${exception}: ${message}`);
  }

  async function change(
    path: string,
    op: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const method = op === 'DELETE' ? 'DELETE' : 'PUT';
    return (await answer(`${op} ${path}`, await call(method, path, op, more))) ?? { boolean: false };
  }

  return {
    async stat(path) {
      return (await answer(`stat ${path}`, await call('GET', path, 'GETFILESTATUS')))?.FileStatus;
    },
    async list(path) {
      return (await answer(`list ${path}`, await call('GET', path, 'LISTSTATUS')))?.FileStatuses?.FileStatus;
    },
    async read(path) {
      const { status, body } = await call('GET', path, 'OPEN');
      if (!isGood(status)) throw new Error(`read ${path}: ${status} ${body.toString().slice(0, 300)}`);
      return body;
    },
    async write(path, content) {
      const bytes = Buffer.from(content);
      const { status, body } = await call('PUT', path, 'CREATE', { overwrite: 'true' }, bytes);
      if (status !== 201) throw new Error(`write ${path}: ${status} ${body.toString().slice(0, 300)}`);
    },
    async makeDirectory(path) {
      await change(path, 'MKDIRS');
    },
    async remove(path) {
      return (await change(path, 'DELETE', { recursive: 'true' })).boolean === true;
    },
    async rename(from, to) {
      return (await change(from, 'RENAME', { destination: to })).boolean === true;
    },
    async setOwner(path, owner) {
      await change(path, 'SETOWNER', { owner, group: owner });
    },
    async setPermission(path, octal) {
      await change(path, 'SETPERMISSION', { permission: octal });
    },
    async setModified(path, time) {
      await change(path, 'SETTIMES', { modificationtime: String(time) });
    },
    async blocks(path) {
      const found = await answer(`blocks of ${path}`, await call('GET', path, 'GET_BLOCK_LOCATIONS'));
      if (found?.LocatedBlocks === undefined) throw new Error(`blocks of ${path}: there is no such file`);
      return found.LocatedBlocks.locatedBlocks.map(({ block }) => block.blockId);
    },
  };
}
