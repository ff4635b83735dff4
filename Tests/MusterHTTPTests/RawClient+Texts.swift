import MusterServerKit

/// Requests whose fields and bodies are texts.
extension RawClient {
    /// A request with the headers that every request has.
    @discardableResult
    func request(_ method: String, _ target: String, _ headers: String = "", body: String? = nil) -> Bool {
        let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        return send("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(length)\(headers)\r\n\(body ?? "")")
    }

    /// What it answers on this connection.
    func ask(_ method: String, _ target: String, _ headers: String, body: String? = nil) -> RawResponse? {
        request(method, target, headers, body: body)
        return response(headOnly: method == "HEAD")
    }

    func ask(_ method: String, _ target: String, body: String) -> RawResponse? { ask(method, target, "", body: body) }
}
