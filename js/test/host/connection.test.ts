import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, DISCONNECTED_CLASS, HELLO_PATIENCE_MS } from "../../src/host/connection";
import { StaticModel } from "../../src/standalone/static-model";
import { FakeClock } from "../fake-clock";

/** What `attach` needs of an element. */
function element(...classes: string[]): HTMLElement {
  return { classList: { contains: (name: string) => classes.includes(name) } } as unknown as HTMLElement;
}

class Observer {
  observe(): void {
    // the class does not change in these tests
  }
  disconnect(): void {
    // ditto
  }
}

let clock: FakeClock;
let greet: ReturnType<typeof vi.fn<() => void>>;
let connection: Connection;
let model: StaticModel;

beforeEach(() => {
  vi.stubGlobal("MutationObserver", Observer);
  clock = new FakeClock();
  greet = vi.fn<() => void>();
  connection = new Connection(greet, clock);
  model = new StaticModel({});
});

const attach = (el: HTMLElement) => connection.attach(model, el, new AbortController().signal);

test("each view greets; an answer makes it live", () => {
  attach(element());
  attach(element());
  expect(greet).toHaveBeenCalledTimes(2);
  expect(connection.state.value).toBe("connecting");
  connection.heard();
  clock.advance(HELLO_PATIENCE_MS);
  expect(connection.state.value).toBe("live");
});

test("without an answer it waits, and may still hear", () => {
  attach(element());
  clock.advance(HELLO_PATIENCE_MS);
  expect(connection.state.value).toBe("waiting");
  expect(connection.open).toBe(true);
  connection.heard();
  expect(connection.state.value).toBe("live");
});

test("a saved page has no kernel", () => {
  attach(element(DISCONNECTED_CLASS));
  expect(connection.state.value).toBe("offline");
  expect(connection.open).toBe(false);
  expect(greet).not.toHaveBeenCalled();
});

describe("when the host says that something has changed", () => {
  /** Calls the listeners as anywidget does: with its view as `this`. */
  function tell(live: boolean | undefined): void {
    const view = live === undefined ? undefined : { model: { comm_live: live } };
    const calls: Array<(this: unknown) => void> = [];
    model.on = (event, callback) => void (event === "comm_live_update" && calls.push(callback));
    attach(element());
    connection.heard();
    greet.mockClear();
    for (const call of calls) call.call(view);
  }

  test("a dead model is lost at once", () => {
    tell(false);
    expect(connection.state.value).toBe("lost");
  });

  test("a live one is greeted", () => {
    tell(true);
    expect(greet).toHaveBeenCalledTimes(1);
    clock.advance(HELLO_PATIENCE_MS);
    expect(connection.state.value).toBe("live");
  });

  test("where nothing can be read, silence after a greeting is an answer", () => {
    tell(undefined);
    expect(greet).toHaveBeenCalledTimes(1);
    expect(connection.state.value).toBe("live");
    clock.advance(HELLO_PATIENCE_MS);
    expect(connection.state.value).toBe("lost");
  });
});

test("a comm that Python has closed is lost", () => {
  attach(element());
  connection.heard();
  model.emit("comm:close");
  expect(connection.state.value).toBe("lost");
});
