/**
 * What a WebHDFS answer means. The status alone cannot tell a wait from a verdict (403 is both), so the exception in
 * the body decides. Sources: the tables of docs/decisions.md on WebHDFS, seen on Hadoop 3.4.3.
 */
import type { FailureCode } from '../domain/failure.js';

/** Why a NameNode or DataNode did not do what was asked. */
export type RefusalKind =
  | 'standby'
  | 'retriable'
  | 'safe-mode'
  | 'not-found'
  | 'not-a-directory'
  | 'not-a-file'
  | 'beyond-end'
  | 'exists'
  | 'denied'
  | 'auth'
  | 'quota'
  | 'blocks'
  | 'unsupported'
  | 'unavailable'
  | 'protocol'
  | 'foreign'
  | 'io'
  | 'remote';

export interface Refusal {
  readonly kind: RefusalKind;
  /** One line, without stack trace and without secrets. */
  readonly message: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** Whether a *look* may be repeated on another NameNode. */
export function worthAskingAnother(kind: RefusalKind): boolean {
  switch (kind) {
    case 'standby':
    case 'retriable':
    case 'unavailable':
    case 'io':
    // A proxy's error page says nothing about the other NameNode.
    case 'protocol':
      return true;
    default:
      return false;
  }
}

/** Whether the answer proves that the one who gave it is active: standbys refuse every operation on the namespace. */
export function provesActive(kind: RefusalKind): boolean {
  switch (kind) {
    case 'not-found':
    case 'not-a-directory':
    case 'not-a-file':
    case 'beyond-end':
    case 'exists':
    case 'denied':
    case 'quota':
    case 'blocks':
    case 'safe-mode':
      return true;
    default:
      return false;
  }
}

export function failureCodeOf(kind: RefusalKind): FailureCode {
  switch (kind) {
    case 'standby':
      return 'StorageStandby';
    case 'safe-mode':
      return 'StorageSafeMode';
    case 'denied':
      return 'AccessDenied';
    case 'auth':
      return 'AuthFailed';
    case 'quota':
      return 'StorageNotWritable';
    case 'blocks':
      return 'BlocksMissing';
    case 'foreign':
      return 'StateForeign';
    case 'retriable':
    case 'unavailable':
    case 'protocol':
    case 'io':
      return 'StorageUnavailable';
    case 'not-found':
    case 'not-a-directory':
    case 'not-a-file':
    case 'beyond-end':
    case 'exists':
    case 'unsupported':
    case 'remote':
      return 'Unclassified';
  }
}

/** The meaning of an answer that is neither 200 nor 201. */
export function refusalOf(answer: HttpAnswer): Refusal {
  const remote = remoteExceptionIn(answer.body);
  if (!remote) return withoutException(answer);
  return {
    kind: kindOf(remote.exception, remote.message),
    message: `${remote.exception}: ${oneLine(remote.message)}`,
  };
}

function withoutException({ status, headers }: HttpAnswer): Refusal {
  const what = `HTTP ${status} (${headerText(headers['content-type']) || 'no content type'}) without a RemoteException`;
  if (status === 401) return { kind: 'auth', message: what };
  if (status === 429 || status >= 500) return { kind: 'unavailable', message: what };
  return { kind: 'protocol', message: what };
}

const headerText = (value: string | readonly string[] | undefined): string =>
  (typeof value === 'string' ? value : (value?.[0] ?? '')).slice(0, 80);

function kindOf(exception: string, message: string): RefusalKind {
  switch (exception) {
    case 'StandbyException':
    case 'ObserverRetryOnActiveException':
      return 'standby';
    case 'RetriableException':
      // An active HA NameNode in start-up wraps its safe mode in a RetriableException.
      return /safe mode/i.test(message) ? 'safe-mode' : 'retriable';
    case 'SafeModeException':
      return 'safe-mode';
    case 'FileNotFoundException':
      return /^Path is not a file/.test(message) ? 'not-a-file' : 'not-found';
    case 'AccessControlException':
      // A path below a file is refused as a matter of permission, but nobody lacks a permission there.
      return /\(is not a directory\)\s*$/.test(message) ? 'not-a-directory' : 'denied';
    case 'ParentNotDirectoryException':
    case 'PathIsNotDirectoryException':
      return 'not-a-directory';
    case 'FileAlreadyExistsException':
      return 'exists';
    case 'AuthorizationException':
      return 'denied';
    case 'SecurityException':
    case 'InvalidToken':
    case 'SecretManager$InvalidToken':
    case 'AuthenticationException':
      return 'auth';
    case 'NSQuotaExceededException':
    case 'DSQuotaExceededException':
    case 'QuotaExceededException':
    case 'QuotaByStorageTypeExceededException':
      return 'quota';
    case 'BlockMissingException':
    case 'ChecksumException':
      return 'blocks';
    case 'IllegalArgumentException':
    case 'UnsupportedOperationException':
      return 'unsupported';
    default:
      return kindOfMessage(message);
  }
}

function kindOfMessage(message: string): RefusalKind {
  if (
    /No (active )?nodes contain this block|Could not obtain block|Failed to find datanode|Checksum error/.test(
      message,
    )
  )
    return 'blocks';
  if (/^Offset=\d+ out of the range/.test(message)) return 'beyond-end';
  if (/Name node is in safe mode/.test(message)) return 'safe-mode';
  return 'remote';
}

function remoteExceptionIn(body: Buffer): { readonly exception: string; readonly message: string } | null {
  const parsed = parseJson(body);
  if (!isRecord(parsed) || !isRecord(parsed.RemoteException)) return null;
  const { exception, message } = parsed.RemoteException;
  if (typeof exception !== 'string') return null;
  return { exception: exception.slice(0, 100), message: typeof message === 'string' ? message : '' };
}

/** The value of a JSON body; undefined when it is none. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first line of a message, without the stack trace that DataNodes add, at most 300 characters. */
export function oneLine(message: string): string {
  const first = message.split(/\n\s*at /, 1)[0] ?? '';
  return first
    .replace(/\s+/g, ' ')
    .replace(/(delegation|token|signature|password)=[^&\s]+/gi, '$1=***')
    .trim()
    .slice(0, 300);
}

/** One entry of GETFILESTATUS or LISTSTATUS. */
export interface HdfsStatus {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  readonly length: number;
  readonly modified: number;
  /** The inode: the same after a rename. Null when the server (HttpFS) does not tell. */
  readonly fileId: number | null;
}

export function fileStatusIn(body: Buffer): HdfsStatus | null {
  const parsed = parseJson(body);
  return isRecord(parsed) ? statusOf(parsed.FileStatus) : null;
}

export interface ListingPage {
  readonly entries: readonly HdfsStatus[];
  /** Entries that the NameNode says are left after this page. */
  readonly remaining: number;
}

/** A page of LISTSTATUS_BATCH, or the whole of LISTSTATUS; null when the body is neither. */
export function listingIn(body: Buffer): ListingPage | null {
  const parsed = parseJson(body);
  if (!isRecord(parsed)) return null;
  if (!isRecord(parsed.DirectoryListing)) return pageOf(parsed.FileStatuses, 0);
  const { partialListing, remainingEntries } = parsed.DirectoryListing;
  if (!isRecord(partialListing) || !isCount(remainingEntries)) return null;
  return pageOf(partialListing.FileStatuses, remainingEntries);
}

function pageOf(statuses: unknown, remaining: number): ListingPage | null {
  if (!isRecord(statuses) || !Array.isArray(statuses.FileStatus)) return null;
  const entries: HdfsStatus[] = [];
  for (const each of statuses.FileStatus as readonly unknown[]) {
    const status = statusOf(each);
    if (!status) return null;
    entries.push(status);
  }
  return { entries, remaining };
}

function statusOf(value: unknown): HdfsStatus | null {
  if (!isRecord(value)) return null;
  const { pathSuffix, type, length, modificationTime, fileId } = value;
  if (typeof pathSuffix !== 'string' || !isCount(length) || !isCount(modificationTime)) return null;
  // A symbolic link is neither: what it leads to was not looked at.
  if (type !== 'FILE' && type !== 'DIRECTORY') return null;
  return {
    name: pathSuffix,
    kind: type === 'FILE' ? 'file' : 'directory',
    length: type === 'FILE' ? length : 0,
    modified: modificationTime,
    fileId: isCount(fileId) ? fileId : null,
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The answer of RENAME and DELETE; null when the body says neither true nor false. */
export function booleanIn(body: Buffer): boolean | null {
  const parsed = parseJson(body);
  return isRecord(parsed) && typeof parsed.boolean === 'boolean' ? parsed.boolean : null;
}
