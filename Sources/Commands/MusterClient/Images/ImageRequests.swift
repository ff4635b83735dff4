package import MusterAPI
internal import MusterHTTPClient
internal import MusterWire

/// The requests that are answered in one piece.
extension ImageClient {
    /// Throws a `CommandError`.
    package func size(of image: ImageID) async throws -> ImageReport {
        try await firstAnswer(for: image) { [self] server, _ in
            let request = request("GET", server, "/images/\(image)/size")
            let response = try await call(request, server, for: image)
            guard let size = try? ImageSize(body: response.body).size else {
                throw ImageFailure(server, "it answered what is no size")
            }
            return ImageReport(
                image: image, outcome: .size, bytes: size, source: source(server, response.header))
        }
    }

    /// Throws a `CommandError`.
    package func put(_ image: ImageID, _ upload: ImageUpload, type: String) async throws -> ImageReport {
        try await firstAnswer(for: image) { [self] server, _ in
            var request = request("PUT", server, "/images/\(image)")
            request.headers.append(("Content-Type", type))
            upload.apply(to: &request)
            let response = try await call(request, server, for: image, statuses: [200, 201])
            guard let stored = try? ImageStatus(body: response.body) else {
                throw ImageFailure(server, "it answered what no origin answers to PUT", mayHaveActed: true)
            }
            return ImageReport(
                image: image,
                outcome: .put(version: stored.version, etag: stored.etag, isNew: response.status == 201),
                bytes: upload.count,
                source: source(server, response.header))
        }
    }

    /// Throws a `CommandError`.
    package func delete(_ image: ImageID) async throws -> ImageReport {
        try await firstAnswer(for: image) { [self] server, failures in
            // After one who may have deleted it and broke off, 404 is what was wanted.
            let mayBeGone = failures.contains(where: \.mayHaveActed)
            let request = request("DELETE", server, "/images/\(image)")
            let response = try await call(
                request, server, for: image, statuses: mayBeGone ? [200, 404] : [200])
            return ImageReport(
                image: image, outcome: .deleted(isAlreadyGone: response.status == 404), bytes: 0,
                source: source(server, response.header))
        }
    }
}
