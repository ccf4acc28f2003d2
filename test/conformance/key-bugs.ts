// Planted bugs of claims by keys.
import type { ClaimRequest, KeyRooms, TypeRoom } from "../../src/store/contract.ts";
import type { ClaimedTask } from "../../src/task/task.ts";
import type { PlantedBug } from "./planted-bug.ts";

/** A claim whose types are changed on their way to the store. */
function typesWith(change: (type: TypeRoom, request: ClaimRequest) => TypeRoom): PlantedBug["plant"] {
  return (sound) => ({
    claim(request, call) {
      const { types } = request;
      if (types === "all") return sound.claim(request, call);
      return sound.claim({ ...request, types: types.map((type) => change(type, request)) }, call);
    },
  });
}

/** A claim that knows of no keys, and sorts out afterwards what should not be there. */
function sortedOut(
  keep: (tasks: readonly ClaimedTask[], rooms: KeyRooms) => readonly ClaimedTask[],
): PlantedBug["plant"] {
  return (sound) => ({
    async claim(request, call) {
      const rooms = roomsIn(request);
      const answer = await sound.claim(withoutKeys(request), call);
      return rooms === null ? answer : { ...answer, tasks: keep(answer.tasks, rooms) };
    },
  });
}

function withoutKeys(request: ClaimRequest): ClaimRequest {
  const { types } = request;
  if (types === "all") return request;
  return { ...request, types: types.map(({ type, limit }) => ({ type, limit })) };
}

function roomsIn({ types }: ClaimRequest): KeyRooms | null {
  return types === "all" ? null : (types.find(({ keys }) => keys !== undefined)?.keys ?? null);
}

const shut = (key: string) => ({ key, limit: 0 });
const isShut = ({ of }: KeyRooms, { key }: ClaimedTask): boolean =>
  of.some((room) => room.key === key && room.limit === 0);
/** Also passes over these keys, where any is. */
const passingOver = (...keys: readonly string[]) =>
  typesWith((type) =>
    type.keys === undefined || type.keys.of.length === 0
      ? type
      : { ...type, keys: { ...type.keys, of: [...type.keys.of, ...keys.map(shut)] } },
  );

export const keyBugs: readonly PlantedBug[] = [
  {
    bug: "the key of a task is not handed over",
    brokenLaw: "a task keeps its key, hands it over where a claim asks by keys, and shows it",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        return { ...answer, tasks: answer.tasks.map((task) => ({ ...task, key: null })) };
      },
    }),
  },
  {
    bug: "the key of a task is not kept",
    brokenLaw: "a task keeps its key, hands it over where a claim asks by keys, and shows it",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, key: null })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "the rooms of keys are not looked at",
    brokenLaw: "a claim takes no more of a key than there is room for, the longest due first",
    plant: (sound) => ({ claim: (request, call) => sound.claim(withoutKeys(request), call) }),
  },
  {
    bug: "keys with a room of their own have that of the others",
    brokenLaw: "a claim takes no more of a key than there is room for, the longest due first",
    plant: typesWith((type) =>
      type.keys === undefined ? type : { ...type, keys: { ...type.keys, of: [] } },
    ),
  },
  {
    bug: "tasks without a key have the room of a key",
    brokenLaw: "tasks without a key are not limited by the rooms of keys",
    plant: sortedOut((tasks, { each }) => {
      const keyless = tasks.filter(({ key }) => key === null).slice(0, each);
      return [...keyless, ...tasks.filter(({ key }) => key !== null).slice(0, 1)];
    }),
  },
  {
    bug: "a key is the same in all types",
    brokenLaw: "keys are told apart within their type",
    plant: typesWith((type, request) => ({ ...type, keys: roomsIn(request) ?? undefined })),
  },
  {
    bug: "types without keys wait while others are asked by keys",
    brokenLaw: "types that are asked by keys and types that are not are claimed together",
    plant: typesWith((type, request) =>
      type.keys === undefined && roomsIn(request) !== null ? { ...type, limit: 0 } : type,
    ),
  },
  {
    bug: "a claim by keys has no bounds but theirs",
    brokenLaw: "the bounds of a claim hold over all keys",
    plant: (sound) => ({
      claim: (request, call) => sound.claim({ ...request, maxBytes: 1e9, limit: 1_000 }, call),
    }),
  },
  {
    bug: "a named task is claimed whatever its key",
    brokenLaw: "a named task of a key that is left alone is not claimed",
    plant: (sound) => ({
      claimById: (request, call) => sound.claimById({ ...request, without: [] }, call),
    }),
  },
  {
    bug: "a named task is left alone for a key of another type",
    brokenLaw: "a named task of a key that is left alone is not claimed",
    plant: (sound) => ({
      async claimById(request, call) {
        const keys = new Set(request.without?.map(({ key }) => key));
        const tasks = await sound.claimById(request, call);
        return tasks.filter(({ key }) => key === null || !keys.has(key));
      },
    }),
  },
  {
    bug: "resolving forgets the key",
    brokenLaw: "a task whose original has vanished is written with its key after all",
    plant: (sound) => ({
      resolveDuplicates: (transaction, missing, birth, createdIds, call) =>
        sound.resolveDuplicates(
          transaction,
          missing.map((task) => ({ ...task, key: null })),
          birth,
          createdIds,
          call,
        ),
    }),
  },
  {
    bug: "a redrive forgets the key",
    brokenLaw: "a task keeps its key through failure, retry and redrive",
    plant(sound) {
      let isForgotten = false;
      return {
        redrive(taskId, call) {
          isForgotten = true;
          return sound.redrive(taskId, call);
        },
        claim: (request, call) => sound.claim(isForgotten ? withoutKeys(request) : request, call),
      };
    },
  },
  {
    bug: "a full key ends the claim",
    brokenLaw: "a key that is full hides no other, whatever its backlog",
    plant: sortedOut((tasks, rooms) => tasks.filter((task) => !isShut(rooms, task))),
  },
  {
    bug: "a key with little room ends the claim",
    brokenLaw: "a key with little room hides no other, whatever its backlog",
    plant: sortedOut((tasks, { each }) => tasks.slice(0, each)),
  },
  {
    bug: "the same keys are looked at again and again",
    brokenLaw: "every key has its turn behind the backlog of a full one",
    plant: passingOver(...Array.from({ length: 250 }, (_, index) => `key-${100 + index}`)),
  },
  {
    bug: "a claim does not say that it has not looked everywhere",
    brokenLaw: "a claim says when it has not looked at all keys",
    plant(sound) {
      let claims = 0;
      return {
        async claim(request, call) {
          claims += 1;
          return claims === 2 ? { tasks: [], aloneDue: false } : await sound.claim(request, call);
        },
      };
    },
  },
  {
    bug: "tasks without a key are not found behind a full one",
    brokenLaw: "a task without a key is reached behind the backlog of a full key",
    plant: sortedOut((tasks, rooms) => tasks.filter((task) => task.key !== null && !isShut(rooms, task))),
  },
  {
    bug: "a quiet key is overtaken for ever",
    brokenLaw: "an old task of a quiet key is not overtaken for ever by the inflow of others",
    plant: passingOver("quiet"),
  },
  {
    bug: "tasks that are due later stand before those that are due now",
    brokenLaw: "a key whose tasks are due later costs those of others nothing",
    plant: (sound) => ({
      claim: (request, call) => sound.claim(request, { now: (call?.now ?? 0) + 86_400_000 }),
    }),
  },
  {
    bug: "a suspect is claimed although its key is full",
    brokenLaw: "a suspect of a full key is left, and hides no other",
    plant: typesWith((type, { claim }) => (claim === 2 ? { type: type.type, limit: type.limit } : type)),
  },
  {
    bug: "suspects take no room of their key",
    brokenLaw: "suspects count against the room of their key",
    plant: (sound) => ({ claim: (request, call) => sound.claim(withoutKeys(request), call) }),
  },
  {
    bug: "a task of a full key that waits to be alone keeps others waiting",
    brokenLaw: "a task of a full key that must be claimed alone is not, and nobody is told of it",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        const { aloneDue } = await sound.claim({ ...withoutKeys(request), alone: false, limit: 0 }, call);
        return { ...answer, aloneDue };
      },
    }),
  },
];
