internal import MusterCore
internal import MusterHTTP

/// A role's `/metrics`, in Prometheus's text format.
struct MetricsPage: Sendable {
    private var text = ""

    mutating func add(_ name: String, _ kind: String, _ help: String, _ value: Int) {
        text += "# HELP muster_\(name) \(help)\n# TYPE muster_\(name) \(kind)\nmuster_\(name) \(value)\n"
    }

    /// Of the role's own server; nil: it does not serve yet.
    mutating func add(_ http: HTTPServer.Statistics?) {
        guard let http else { return }
        add("http_requests_total", "counter", "Requests answered or held.", http.requests)
        add("http_connections", "gauge", "Open connections.", http.connections)
    }

    var response: HTTPResponse {
        HTTPResponse(
            status: 200, headers: [("Content-Type", "text/plain; version=0.0.4")], body: .bytes(Array(text.utf8)))
    }
}
