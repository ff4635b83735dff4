import FoundationEssentials
import Glibc
import Testing

@testable import MusterRole

/// What proves something is read only where nobody else could have written or read it.
@Suite struct SecretFileTests {
    private static func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/muster-secret-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func refusal(_ body: () throws(NodeError) -> Void) -> String? {
        do throws(NodeError) {
            try body()
            return nil
        } catch {
            return error.message
        }
    }

    static let modes: [(mode: mode_t, ours: Bool, named: Bool)] = [
        (0o600, true, true), (0o400, true, true), (0o640, false, true), (0o660, false, false), (0o644, false, false),
        (0o604, false, false), (0o602, false, false), (0o777, false, false),
    ]

    @Test(arguments: modes)
    func filesThatOthersMayUseAreRefused(_ mode: mode_t, _ ours: Bool, _ named: Bool) throws {
        try Self.withFolder { folder in
            let path = folder + "/admin.token"
            try writePrivately("secret\n", to: path)
            #expect(chmod(path, mode) == 0)
            for (isOurs, isGood) in [(true, ours), (false, named)] {
                let refusal = Self.refusal { () throws(NodeError) in
                    _ = try readSecret(path, bytesMax: 100, isOurs: isOurs)
                }
                #expect((refusal == nil) == isGood)
                if let refusal {
                    #expect(refusal.contains(path) && refusal.contains("0" + String(mode, radix: 8)), "\(refusal)")
                }
            }
            // As Kubernetes' fsGroup leaves it: the group is the pod's own.
            #expect(chmod(folder, 0o2770) == 0)
            let shared = Self.refusal { () throws(NodeError) in _ = try readSecret(path, bytesMax: 100) }
            #expect((shared == nil) == (mode & 0o007 == 0))
        }
    }

    @Test func linksLeadNowhere() throws {
        try Self.withFolder { folder in
            let (path, target) = (folder + "/admin.token", folder + "/elsewhere")
            try writePrivately("planted\n", to: target)
            #expect(symlink(target, path) == 0)
            let refusal = Self.refusal { () throws(NodeError) in
                _ = try TokenStore(directory: folder, givenAdmin: nil)
            }
            #expect(refusal?.contains(path) == true && refusal?.contains("symbolic link") == true, "\(refusal ?? "")")
            // Somebody who names a link means what it leads to.
            #expect(try TokenStore.readNamed(path) == "planted")
            // A write does not follow one either.
            #expect(symlink(target, "\(folder)/x.\(getpid()).part") == 0)
            let write = Self.refusal { () throws(NodeError) in try writePrivately("x", to: folder + "/x") }
            #expect(write != nil)
            #expect(try TokenStore.readNamed(target) == "planted")
            #expect(symlink(target, folder + "/lock") == 0)
            #expect(throws: NodeError.self) { try FileLock(path: folder + "/lock") }
        }
    }

    @Test func foldersThatOthersWriteToAreRefused() async throws {
        try Self.withFolder { folder in
            let path = folder + "/a/b"
            try makeOwnDirectory(path)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o700)
            #expect(chmod(path, 0o777) == 0)
            let refusal = Self.refusal { () throws(NodeError) in try makeOwnDirectory(path) }
            #expect(refusal?.contains(path) == true && refusal?.contains("0777") == true, "\(refusal ?? "")")
            try writePrivately("x", to: folder + "/file")
            #expect(throws: NodeError.self) { try makeOwnDirectory(folder + "/file") }
        }
    }
}
