package import MusterHTTPClient
internal import MusterJSON
internal import MusterWire

extension EngineClient {
    /// The id of an image. Throws `.imageMissing`.
    package func imageID(_ name: String) async throws(EngineError) -> String {
        let path = name.split(separator: "/", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
        let answer = try await call("GET", "/images/\(path.joined(separator: "/"))/json")
        guard answer.isGood else { throw refusal(answer) }
        guard let id = try answer.json()["Id"]?.string, !id.isEmpty else {
            throw EngineError(.badAnswer, "the container engine shows \(name) without its id")
        }
        return id
    }

    /// The image as `docker load` takes it, under this name alone, which the image has here while `take` reads.
    package func export(
        imageID id: String, repository: String, tag: String, _ take: (HTTPClientStream) async throws -> Void
    ) async throws {
        let name = "\(repository):\(tag)"
        var isOwn = false
        if try await call("GET", "/images/\(Self.escaped(name))/json").status == 404 {
            let answer = try await call(
                "POST", "/images/\(Self.escaped(id))/tag", [("repo", repository), ("tag", tag)])
            guard answer.isGood else { throw refusal(answer) }
            isOwn = true
        }
        let result: Result<Void, any Error>
        do {
            try await take(try await stream("/images/\(Self.escaped(name))/get", []))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        // Of an image that has a name the rest stays.
        if isOwn { _ = try? await call("DELETE", "/images/\(Self.escaped(name))", [("noprune", "true")]) }
        try result.get()
    }
}
