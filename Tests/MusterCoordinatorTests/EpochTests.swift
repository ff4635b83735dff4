import MusterAPI
import MusterBackups
import MusterCore
import MusterCrypto
import MusterRoutes
import MusterScheduling
import MusterTestKit
import Testing

@testable import MusterCoordinator
@testable import MusterRole

/// What a restored coordinator makes of what was given out before.
@Suite struct EpochTests {
    @Test func secretsAndTicketsOfAnotherEpochFitNothing() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let (key, tokens) = (MessageKey.random(), try TokenStore(directory: folder.path, givenAdmin: "admin"))
        let epochs = [nil, [1], [2]].map { (epoch: [UInt8]?) in
            Authenticator(
                key: key, epoch: epoch, tokens: tokens, settings: AccessSettings(), routes: RouteTable.all)
        }
        let lease = LeaseKey(job: JobID(1), first: 0, count: 2, attempt: 1, member: MemberID(3))
        for (index, own) in epochs.enumerated() {
            for (other, authenticator) in epochs.enumerated() {
                let isSame = index == other
                #expect((authenticator.member(secret: own.secret(of: MemberID(3))) != nil) == isSame)
                #expect(authenticator.isGenuine(own.seal(lease), for: lease) == isSame)
                // The fleet is the same one: its machines and volunteers find it.
                #expect(authenticator.fleet == own.fleet && authenticator.programCode == own.programCode)
            }
        }
    }

    /// Two restorings in a row, whatever was given out between them.
    @Test func idsOfPicturesLieAboveThoseOfAllEpochs() {
        let in2100 = Int64(4_102_444_800_000)
        #expect(Backup.idsAbove(nowMs: in2100) < 1 << 51)
        #expect(Backup.idsAbove(nowMs: 1) > Backup.idsAbove(nowMs: 0))
    }
}
