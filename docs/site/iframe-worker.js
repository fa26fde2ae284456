// Search without a server: a browser starts no worker from file://, so the search runs in a hidden
// frame that looks like one. Its name is what the plugin `offline` looks for.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #window
    #loaded

    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.#window = frame.contentWindow
      this.#window.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      const script = frame.contentDocument.createElement("script")
      script.src = url
      this.#loaded = new Promise(resolve => { script.onload = resolve })
      frame.contentDocument.body.append(script)
    }

    postMessage(data) {
      this.#loaded.then(() => {
        this.#window.dispatchEvent(new this.#window.MessageEvent("message", { data }))
      })
    }
  }
}
