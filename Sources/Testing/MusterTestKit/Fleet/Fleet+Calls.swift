package import MusterAPI
package import MusterCore
package import MusterHTTPClient
internal import MusterJSON
internal import MusterRoutes
internal import MusterWire

/// What a job's result line says.
package struct TaskResult: Hashable, Sendable {
    package let task: Int
    /// JSON text; nil for a task that failed.
    package let value: String?
    package let error: String?
    /// What a task that failed left all the same, JSON text.
    package let left: String?
    package let attempt: Int
    package let worker: String

    /// Throws a `Problem` for what is no result line.
    package init(line: ArraySlice<UInt8>) throws {
        var fields = try JSONFields(JSONValue(parsing: Array(line)), path: "result.")
        task = try fields.required("task", fields.int("task", in: 0...Limits.jobTasksMax))
        error = try fields.string("error", bytesMax: Limits.valueBytesMax)
        let text = fields.value("value")?.text
        // That is a value, too.
        fields.allowNull("value")
        (value, left) = error == nil ? (text ?? "null", nil) : (nil, text)
        attempt = try fields.required("attempt", fields.int("attempt", in: 1...Int.max))
        worker = try fields.string("worker") ?? ""
        _ = (fields.value("seconds"), fields.value("votes"))
        try fields.finish()
    }
}

/// Plain HTTP calls with the admin token.
extension Fleet {
    private static let document = Result {
        try DocumentedAnswers(OpenAPI.document(of: RouteTable.all, version: "1"))
    }

    /// Any answer, errors included. Throws `HTTPClientError`, and `FleetError` for one that is not what the document says.
    package func call(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, token: String? = nil
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(method, url + path, timeout: .seconds(60))
        request.headers = [("Authorization", "Bearer " + (token ?? self.token)), ("Content-Type", "application/json")]
        request.body = body
        let response = try await http.send(request)
        if let trouble = try Self.document.get().trouble(with: response, of: method, at: path) {
            throw FleetError("\(method) \(path): \(trouble)")
        }
        return response
    }

    /// The body of an answer with this status; throws `FleetError` for another.
    package func demand(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, status: Int = 200, token: String? = nil
    ) async throws -> [UInt8] {
        let response = try await call(method, path, body, token: token)
        guard response.status == status else {
            let text = String(decoding: response.body.prefix(500), as: UTF8.self)
            throw FleetError("\(method) \(path) answered \(response.status), not \(status): \(text)")
        }
        return response.body
    }

    package func submit(_ request: JobRequest) async throws -> JobID {
        try JobStatus(JSONValue(parsing: await demand("POST", "/v1/jobs", request.body, status: 201))).id
    }

    package func job(_ id: JobID) async throws -> JobStatus {
        try JobStatus(JSONValue(parsing: await demand("GET", "/v1/jobs/\(id)")))
    }

    /// Waits for the job's end.
    package func end(of id: JobID, within limit: Duration = .seconds(60)) async throws -> JobStatus {
        try await eventually("job \(id) ends", within: limit) {
            let status = try await job(id)
            return status.state.isFinal ? status : nil
        }
    }

    package func progress() async throws -> NumbersProgress {
        try NumbersProgress(body: await demand("GET", "/progress"))
    }

    /// Asks for children; returns their ids.
    package func createChildren(_ count: Int = 1, numbers: Int = 1_000, key: String? = nil) async throws -> [ChildID] {
        var request = HTTPClientRequest("POST", url + "/v1/children", timeout: .seconds(60))
        request.headers = [("Authorization", "Bearer " + token)]
        if let key { request.headers.append(("Idempotency-Key", key)) }
        request.body = ChildrenRequest(count: count, numbers: numbers).body
        let response = try await http.send(request)
        guard response.status == 202 else {
            throw FleetError(
                "/v1/children answered \(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
        return try ListAnswer<ChildStatus>(body: response.body).items.map(\.id)
    }

    package func children(limit: Int = 1_000) async throws -> [ChildStatus] {
        try ListAnswer<ChildStatus>(body: await demand("GET", "/v1/children?limit=\(limit)")).items
    }

    /// Waits until no child is waiting or running, by what is counted and, a moment later, by what is stored; through restarts of the
    /// coordinator.
    package func childrensEnd(within limit: Duration = .seconds(60)) async throws -> NumbersProgress {
        try await eventually("all children are over", within: limit) {
            guard let progress = try? await progress(), progress.childrenLeft == 0,
                let children = try? await children(), children.allSatisfy({ $0.state?.isFinal == true })
            else { return nil }
            return progress
        }
    }

    /// All results that are recorded, in the order they are sent.
    package func results(of id: JobID) async throws -> [TaskResult] {
        try await demand("GET", "/v1/jobs/\(id)/results").split(separator: 0x0A).map { try TaskResult(line: $0) }
    }

    /// Names of the members, by rank.
    package func memberNames(_ path: String = "/v1/members") async throws -> [String] {
        var fields = try JSONFields(body: await demand("GET", path))
        return try (fields.array("members") ?? []).compactMap { value in
            var member = try JSONFields(value, path: "members.")
            return try member.string("name")
        }
    }

    /// A number of `/metrics`, without its `muster_`.
    package func metric(_ name: String) async throws -> Int {
        let page = String(decoding: try await demand("GET", "/metrics"), as: UTF8.self)
        let prefix = "muster_\(name) "
        guard let line = page.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }),
            let value = Int(line.dropFirst(prefix.count))
        else { throw FleetError("no metric \(name)") }
        return value
    }
}
