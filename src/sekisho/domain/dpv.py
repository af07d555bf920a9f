"""The tree of purposes of the W3C Data Privacy Vocabulary 2.0: what a term is a kind of.

A rule about ``dpv:Marketing`` so governs every purpose that is declared as a kind of it, also one that is declared
later. A term has one broader term or several; a term that does not stand here has none that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

# Each line: a broader term, and the terms that are kinds of it.
_NARROWER = """
AccountManagement:
CommercialPurpose: CommercialResearch
CommunicationManagement: CommunicationForCustomerCare
CreditChecking: MaintainCreditCheckingDatabase MaintainCreditRatingDatabase
CustomerCare: CommunicationForCustomerCare
CustomerManagement: CustomerCare CustomerClaimsManagement CustomerOrderManagement CustomerRelationshipManagement
CustomerManagement: CustomerSolvencyMonitoring
CustomerRelationshipManagement: ImproveInternalCRMProcesses
CustomerSolvencyMonitoring: CreditChecking
EnforceSecurity: EnforceAccessControl IdentityAuthentication MisusePreventionAndDetection Verification
EstablishContractualAgreement:
FraudPreventionAndDetection: CounterMoneyLaundering MaintainFraudDatabase
FulfilmentOfObligation: FulfilmentOfContractualObligation LegalCompliance ProtectionOfIPR
HumanResourceManagement: PersonnelManagement
Marketing: Advertising DirectMarketing PublicRelations SocialMediaMarketing
Advertising: PersonalisedAdvertising
MisusePreventionAndDetection: FraudPreventionAndDetection
NonCommercialPurpose: NonCommercialResearch
OptimisationForConsumer: OptimiseUserInterface
OptimisationForController: ImproveExistingProductsAndServices ImproveInternalCRMProcesses IncreaseServiceRobustness
OptimisationForController: InternalResourceOptimisation
OrganisationGovernance: DisputeManagement MemberPartnerManagement OrganisationComplianceManagement
OrganisationGovernance: OrganisationRiskManagement
Personalisation: PersonalisedAdvertising ServicePersonalisation
PersonalisedAdvertising: TargetedAdvertising
PersonnelManagement: PersonnelHiring PersonnelPayment
ProvidePersonalisedRecommendations: ProvideEventRecommendations ProvideProductRecommendations
PublicBenefit: CombatClimateChange Counterterrorism DataAltruism ImproveHealthcare ImprovePublicServices
PublicBenefit: ImproveTransportMobility ProtectionOfNationalSecurity ProtectionOfPublicSecurity
PublicBenefit: ProvideOfficialStatistics PublicPolicyMaking
RecordManagement:
RequestedServiceProvision: DeliveryOfGoods
ResearchAndDevelopment: AcademicResearch CommercialResearch NonCommercialResearch ScientificResearch
SellProducts: SellDataToThirdParties SellInsightsFromData SellProductsToDataSubject
ServiceOptimisation: OptimisationForConsumer OptimisationForController
ServicePersonalisation: PersonalisedBenefits ProvidePersonalisedRecommendations UserInterfacePersonalisation
ServiceProvision: PaymentManagement RepairImpairments RequestedServiceProvision SearchFunctionalities SellProducts
ServiceProvision: ServiceOptimisation ServicePersonalisation ServiceRegistration ServiceUsageAnalytics
ServiceProvision: TechnicalServiceProvision
VendorManagement: VendorPayment VendorRecordsManagement VendorSelectionAssessment
Verification: AgeVerification IdentityVerification
"""


def _broader() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in _NARROWER.split("\n"):
        term, colon, narrower = line.partition(":")
        if colon:
            found.setdefault(term, ())
        for each in narrower.split():
            found[each] = (*found.get(each, ()), term)
    return found


BROADER: Final[Mapping[str, tuple[str, ...]]] = _broader()
"""Term, without its prefix, to the terms directly above it; none for those directly below ``dpv:Purpose``."""


@cache
def with_broader(term: str | None) -> tuple[str, ...]:
    """Return *term* (``dpv:TargetedAdvertising``) and every term above it, sorted; nothing for ``None``."""
    if term is None:
        return ()
    found, waiting = set[str](), [term.removeprefix("dpv:")]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += BROADER.get(each, ())
    return tuple(sorted(f"dpv:{each}" for each in found))
