import MusterAPI
import MusterJSON
import MusterRoutes
import MusterServerKit
import MusterTestKit
import MusterWire
import Testing

@testable import MusterOrigin
@testable import MusterRole

/// Who may read, who may change, and that the document says so.
@Suite struct OriginAccessTests {
    private static let reading = ["/images", "/images/1", "/images/1/size", "/v1/changes"]

    @Test func lookingNeedsNoTokenUnlessPrivate() async throws {
        for isPrivate in [false, true] {
            try await withOrigin {
                $0.access.isPrivate = isPrivate
            } body: { origin in
                try origin.put(1, [1])
                let tokens = origin.origin.tokens
                for path in Self.reading {
                    #expect(try origin.ask("GET", path, token: nil).status == (isPrivate ? 401 : 200), "\(path)")
                    if isPrivate { #expect(try origin.ask("GET", path, token: "wrong").status == 401) }
                    for token in ["admin", tokens.read, tokens.join] {
                        #expect(try origin.ask("GET", path, token: token).status == 200, "\(path)")
                    }
                }
            }
        }
    }

    @Test func changingIsTheAdminsAlone() async throws {
        try await withOrigin { origin in
            let tokens = origin.origin.tokens
            let cases: [(String?, Int)] = [(nil, 401), ("wrong", 401), (tokens.read, 403), (tokens.join, 403)]
            for (token, status) in cases {
                let put = try origin.ask("PUT", "/images/1", token: token, body: [1])
                let delete = try origin.ask("DELETE", "/images/1", token: token)
                #expect(put.status == status && delete.status == status)
            }
            let changes = try origin.changes()
            #expect(changes.changes.isEmpty)
        }
    }

    /// Listed at a coordinator: that says what tokens are good for, its own too.
    @Test func theFleetsTokensAreGoodHere() async throws {
        try await withOrigin {
            ($0.adminToken, $0.joinToken) = (nil, "joins")
        } body: { origin in
            func put(_ token: String) throws -> RawResponse {
                try origin.ask("PUT", "/images/1", token: token, body: [1])
            }
            let early = try put("joins")
            #expect(early.status == 503 && early["retry-after"] == "1")
            // That nobody has told yet can be seen by it.
            #expect(try origin.ask("GET", "/metrics", token: "joins").status == 200)
            #expect(try put("fleet-admin").status == 401)
            let fleet = try TokenStore(
                directory: origin.folder + "/images", givenAdmin: "fleet-admin", givenRead: "fleet-read")
            origin.origin.learn(FleetTokens.codes(of: fleet))
            #expect(try put("fleet-admin").status == 201)
            // It joined by something that this coordinator does not know.
            #expect(try put("joins").status == 401)
            for (token, put, metrics) in [
                ("fleet-admin", 200, 200), (fleet.join, 403, 403), ("fleet-read", 403, 200),
                (origin.origin.tokens.admin, 200, 200), (origin.origin.tokens.read, 403, 200),
            ] {
                #expect(try origin.ask("PUT", "/images/1", token: token, body: [1]).status == put, "\(token)")
                #expect(try origin.ask("GET", "/metrics", token: token).status == metrics, "\(token)")
            }
        }
    }

    /// An earlier version took the fleet's join token for its own admin token, and kept it.
    @Test func whoMayOnlyJoinStoresNothing() async throws {
        try await withOrigin {
            ($0.adminToken, $0.joinToken) = ("joins", "joins")
        } body: { origin in
            let fleet = FleetTokens.codes(
                of: try TokenStore(directory: origin.folder + "/images", givenAdmin: "fleet-admin"))
            var codes = fleet
            // What a coordinator whose join token is that one tells.
            try writePrivately("joins\n", to: origin.folder + "/images/join.token")
            codes = FleetTokens.codes(
                of: try TokenStore(directory: origin.folder + "/images", givenAdmin: "fleet-admin"))
            #expect(codes.join != fleet.join)
            origin.origin.learn(codes)
            #expect(try origin.ask("PUT", "/images/1", token: "joins", body: [1]).status == 403)
            #expect(try origin.ask("GET", "/images", token: "joins").status == 200)
        }
    }

    @Test func everyRouteIsInTheTableOnce() {
        #expect(OriginRoutes.all.map(\.name.rawValue).sorted() == OriginRouteName.allCases.map(\.rawValue).sorted())
        #expect(Set(OriginRoutes.all.map { $0.method + " " + $0.pattern }).count == OriginRoutes.all.count)
    }

    @Test(arguments: OriginRouteName.allCases)
    func everyRouteHasAHandlerAndIsInTheDocument(_ name: OriginRouteName) async throws {
        try await withOrigin { origin in
            if name != .putImage { try origin.put(1, [1]) }
            if name != .putFile { #expect(try origin.putFile([1]).status == 201) }
            let spec = OriginRoutes.spec(name)
            let upload = try origin.beginUpload(digest(of: [1, 2]))
            let path = spec.pattern.replacing("{id}", with: "1").replacing("{sha256}", with: "\(digest(of: [1]))")
                .replacing("/files/uploads/{upload}", with: upload)
            let answer = try origin.ask(
                spec.method, path, body: Self.body(of: name), headers: Self.headers(of: name), isStream: name == .events
            )
            #expect(answer.status == spec.status)
            if spec.answerType != "*/*", spec.status != 204 {
                #expect(answer["content-type"]?.hasPrefix(spec.answerType) == true)
            }
            if answer["content-type"] == "application/json" {
                let document = try DocumentedAnswers(origin.ask("GET", "/openapi.json").body)
                let trouble = try document.trouble(
                    with: answer.body, of: spec.method, spec.pattern, status: answer.status)
                #expect(trouble == nil)
            }
            let other = try origin.ask("BREW", path)
            #expect(other.status == 405 && other["allow"]?.contains(spec.method) == true)
            var document = try JSONFields(body: try origin.ask("GET", "/openapi.json").body)
            let item = document.value("paths")?.members?.first { $0.0 == spec.pattern }?.1
            #expect(item?.members?.contains { $0.0 == spec.method.lowercased() } == true)
        }
    }

    private static func body(of name: OriginRouteName) -> [UInt8]? {
        switch name {
        case .putImage, .putFile: [1]
        case .appendFile: [1, 2]
        case .storeFiles: fileSet([[3]])
        case .missingFiles, .keepFiles, .fetchFiles: FileNames([digest(of: [1])]).body
        default: nil
        }
    }

    private static func headers(of name: OriginRouteName) -> [(name: String, value: String)] {
        name == .appendFile
            ? [
                ("Upload-Offset", "0"), ("Upload-Complete", "?1"), ("Content-Type", "application/partial-upload"),
            ] : []
    }

    @Test func metricsCount() async throws {
        try await withOrigin { origin in
            try origin.put(1, noise(10))
            try origin.put(2, noise(20))
            _ = try origin.ask("DELETE", "/images/1")
            let page = try origin.ask("GET", "/metrics").text
            for line in [
                "muster_images 1", "muster_image_bytes 20", "muster_image_version 3", "muster_image_puts_total 2",
            ] {
                #expect(page.contains(line + "\n"), "\(line)")
            }
        }
    }
}
