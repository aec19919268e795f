/**
 * Hosts `@vscode/jupyter-ipywidgets8`, the widget manager that VS Code's notebook renderer loads, with a real kernel.
 *
 * What the extension does around it is done here in its simplest form: start a kernel, load widget scripts from the local
 * nbextensions, show a cell's widget.
 */
import { type Kernel, KernelManager, KernelMessage, ServerConnection } from "@jupyterlab/services";

interface ScriptLoader {
  widgetsRegisteredInRequireJs: Set<string>;
  loadWidgetScript(name: string): Promise<void>;
  errorHandler(className: string, name: string, version: string, error: unknown): void;
  successHandler(): void;
}

interface WidgetManager {
  get_model(id: string): Promise<unknown>;
  create_view(model: unknown, options: { el: HTMLElement }): Promise<unknown>;
  display_view(data: unknown, view: unknown, options: { node: HTMLElement }): Promise<unknown>;
}

interface Bundle {
  activate(): void;
}

interface Globals {
  vscIPyWidgets8: { load(): void };
  vscIPyWidgets: {
    WidgetManager: new (
      kernel: Kernel.IKernelConnection,
      element: HTMLElement,
      loader: ScriptLoader,
      log: (message: string) => void,
    ) => WidgetManager;
  };
  requirejs: { config(options: { paths: Record<string, string> }): void };
  host: Promise<{ kernelId: string; show(code: string): Promise<void> }>;
}

const page = window as unknown as Globals;
const VIEW = "application/vnd.jupyter.widget-view+json";

const loader: ScriptLoader = {
  widgetsRegisteredInRequireJs: new Set(),
  async loadWidgetScript(name) {
    // VS Code reads where a widget's script lies from its nbextension's entry point.
    const entry = await (await fetch(`/nbextensions/${name}/extension.js`)).text();
    const path = /["']?[\w@/-]+["']?\s*:\s*["'](nbextensions\/[^"']+)["']/.exec(entry)?.[1];
    if (path) page.requirejs.config({ paths: { [name]: `/${path}` } });
    this.widgetsRegisteredInRequireJs.add(name);
  },
  errorHandler: (className, name, version, error) => console.error(`loading ${name} ${version} ${className}:`, error),
  successHandler: () => undefined,
};

async function start(server: string) {
  const bundle: Bundle = await import(new URL("/ipywidgets8/dist/ipywidgets.js", location.href).href);
  bundle.activate();
  page.vscIPyWidgets8.load();
  const serverSettings = ServerConnection.makeSettings({ baseUrl: server, wsUrl: server.replace("http", "ws") });
  const kernel = await new KernelManager({ serverSettings }).startNew({ name: "python3" });
  await kernel.info;
  const output = document.getElementById("output") as HTMLElement;
  const manager = new page.vscIPyWidgets.WidgetManager(kernel, output, loader, () => undefined);

  async function show(code: string) {
    const run = kernel.requestExecute({ code });
    let shown: Promise<unknown> = Promise.resolve();
    run.onIOPub = (message) => {
      if (KernelMessage.isErrorMsg(message)) console.error(message.content.traceback.join("\n"));
      if (!KernelMessage.isExecuteResultMsg(message)) return;
      const view = message.content.data[VIEW] as unknown as { model_id: string };
      shown = manager
        .get_model(view.model_id)
        .then((model) => manager.create_view(model, { el: output }))
        .then((created) => manager.display_view(view, created, { node: output }));
    };
    await run.done;
    await shown;
  }
  return { kernelId: kernel.id, show };
}

page.host = start(new URLSearchParams(location.search).get("server") ?? "");
