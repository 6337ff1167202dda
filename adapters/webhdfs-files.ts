/** Single steps on HDFS files: a page of a listing, a range of bytes, a small write. Each ends in an outcome. */
import type { Bounds } from './bounded-call.js';
import {
  booleanIn,
  fileStatusIn,
  type HdfsStatus,
  type HttpAnswer,
  listingIn,
  type ListingPage,
  refusalOf,
} from './webhdfs-answers.js';
import {
  done,
  type NameNode,
  type NameNodes,
  type Outcome,
  refused,
  type Transport,
} from './webhdfs-namenodes.js';

/** DataNodes that are tried for one range or one write before the blocks count as missing. */
const DATANODE_TRIES = 3;
const ERROR_CAP = 1024 * 1024;

export interface HdfsFiles {
  stat(node: NameNode, path: string, timeout: number, bounds: Bounds): Promise<Outcome<HdfsStatus>>;
  /** One page in name order after `after`; `remaining` 0 ends the listing. */
  page(
    node: NameNode,
    path: string,
    after: string | null,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<ListingPage>>;
  /** Up to `length` bytes; fewer only where the file ends. */
  range(
    node: NameNode,
    path: string,
    offset: number,
    length: number,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<Buffer>>;
  /** Writes a new small file through a DataNode. Only a read proves that it is there. */
  create(
    node: NameNode,
    path: string,
    bytes: Buffer,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<void>>;
  /** Deletes one file, never a directory. */
  remove(node: NameNode, path: string, timeout: number, bounds: Bounds): Promise<Outcome<boolean>>;
  /** Asks for a rename that fails when the destination exists. Only looks prove the result. */
  rename(node: NameNode, from: string, to: string, timeout: number, bounds: Bounds): Promise<Outcome<void>>;
}

export function hdfsFiles(names: NameNodes, transport: Transport): HdfsFiles {
  /** Hadoop before 2.8 and some gateways list only as a whole. */
  let batches = true;

  async function wholeListing(
    node: NameNode,
    path: string,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<ListingPage>> {
    return pageIn(await names.operate(node, 'GET', 'LISTSTATUS', path, {}, timeout, bounds));
  }

  /** The DataNode's part of an operation; a DataNode that does not answer is left out of the next try. */
  async function throughDataNode<T>(
    node: NameNode,
    path: string,
    bounds: Bounds,
    timeout: number,
    locate: (excluded: Readonly<Record<string, string>>, timeout: number) => Promise<Outcome<HttpAnswer>>,
    work: (target: URL, timeout: number) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const end = performance.now() + timeout;
    const excluded: string[] = [];
    let last: Outcome<T> = refused('blocks', 'no DataNode was named');
    for (let left = DATANODE_TRIES; left > 0; left -= 1) {
      // Half of what is left each time: a frozen DataNode leaves time for another one.
      const share = () => Math.max(1, end - performance.now()) / (left > 1 ? 2 : 1);
      const located = await locate(
        excluded.length > 0 ? { excludedatanodes: excluded.join(',') } : {},
        Math.max(1, end - performance.now()),
      );
      if (located.is === 'refused')
        return excluded.length > 0 && located.refusal.kind !== 'io' ? last : located;
      const target = names.redirect(node, located.value, path);
      if (target.is === 'refused') return target;
      last = await work(target.value, share());
      if (last.is === 'done' || last.refusal.kind !== 'blocks') return last;
      excluded.push(target.value.host);
      if (end - performance.now() <= 1) break;
    }
    return last;
  }

  return {
    async stat(node, path, timeout, bounds) {
      const answer = await names.operate(node, 'GET', 'GETFILESTATUS', path, {}, timeout, bounds);
      if (answer.is === 'refused') return answer;
      const status = answer.value.status === 200 ? fileStatusIn(answer.value.body) : null;
      return status ? done(status) : refused('protocol', notExpected(answer.value, 'a file status'));
    },

    async page(node, path, after, timeout, bounds) {
      if (!batches) return wholeListing(node, path, timeout, bounds);
      const params = after === null ? {} : { startAfter: after };
      const answer = await names.operate(node, 'GET', 'LISTSTATUS_BATCH', path, params, timeout, bounds);
      if (answer.is === 'refused' && answer.refusal.kind === 'unsupported' && after === null) {
        batches = false;
        return wholeListing(node, path, timeout, bounds);
      }
      return pageIn(answer);
    },

    range: (node, path, offset, length, timeout, bounds) =>
      throughDataNode(
        node,
        path,
        bounds,
        timeout,
        (excluded, patience) =>
          names.operate(node, 'GET', 'OPEN', path, { offset, length, ...excluded }, patience, bounds),
        async (target, patience) => {
          const sent = await transport.send(
            { method: 'GET', url: target.href, cap: Math.max(length, ERROR_CAP), timeout: patience },
            bounds,
          );
          if (sent.is === 'no-answer') return refused('blocks', `DataNode ${target.host}: ${sent.message}`);
          if (sent.status !== 200) return ofDataNode(target, sent);
          const declared = Number(sent.headers['content-length'] ?? Number.NaN);
          if (!Number.isSafeInteger(declared))
            return refused('protocol', `DataNode ${target.host} did not say how long its answer is`);
          if (sent.body.length !== declared || declared > length)
            return refused(
              'blocks',
              `DataNode ${target.host} announced ${declared} bytes of ${length} and sent ${sent.body.length}`,
            );
          return done(sent.body);
        },
      ),

    create: (node, path, bytes, timeout, bounds) =>
      throughDataNode(
        node,
        path,
        bounds,
        timeout,
        (excluded, patience) =>
          names.operate(
            node,
            'PUT',
            'CREATE',
            path,
            { overwrite: false, permission: '600', ...excluded },
            patience,
            bounds,
          ),
        async (target, patience) => {
          const sent = await transport.send(
            { method: 'PUT', url: target.href, body: bytes, cap: ERROR_CAP, timeout: patience },
            bounds,
          );
          // What was sent is in doubt and never sent twice: whether it was written is for a read to say.
          if (sent.is === 'no-answer')
            return refused(sent.unsent ? 'blocks' : 'io', `DataNode ${target.host}: ${sent.message}`);
          return sent.status === 201 ? done(undefined) : ofDataNode(target, sent);
        },
      ),

    async remove(node, path, timeout, bounds) {
      const answer = await names.operate(
        node,
        'DELETE',
        'DELETE',
        path,
        { recursive: false },
        timeout,
        bounds,
      );
      if (answer.is === 'refused') return answer;
      const removed = booleanIn(answer.value.body);
      return removed === null
        ? refused('protocol', notExpected(answer.value, 'true or false'))
        : done(removed);
    },

    async rename(node, from, to, timeout, bounds) {
      // With an option the NameNode runs rename2, which refuses an existing destination instead of moving into it.
      const params = { destination: to, renameoptions: 'NONE' };
      const answer = await names.operate(node, 'PUT', 'RENAME', from, params, timeout, bounds);
      if (answer.is === 'refused') return answer;
      if (answer.value.status === 200 && booleanIn(answer.value.body) !== false) return done(undefined);
      return refused('remote', 'the NameNode refused the rename without a reason');
    },
  };
}

function pageIn(answer: Outcome<HttpAnswer>): Outcome<ListingPage> {
  if (answer.is === 'refused') return answer;
  const page = answer.value.status === 200 ? listingIn(answer.value.body) : null;
  return page ? done(page) : refused('protocol', notExpected(answer.value, 'a directory listing'));
}

function ofDataNode(target: URL, answer: HttpAnswer): Outcome<never> {
  const refusal = answer.status === 307 ? null : refusalOf(answer);
  if (!refusal) return refused('protocol', `DataNode ${target.host} redirected once more`);
  return refused(refusal.kind, `DataNode ${target.host}: ${refusal.message}`);
}

const notExpected = (answer: HttpAnswer, what: string): string =>
  `expected ${what}, found HTTP ${answer.status} with a body that is none`;
