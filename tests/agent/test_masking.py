"""What others wrote reaches the model without names, secrets or anything hidden; people get the names back."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import ACCOUNT, ADDRESS, BUCKET, KEY, USER

from agent.masking import TEXT_LIMIT, Masker, cut
from agent.target import TargetKind


def named() -> Masker:
    masker = Masker("5f2a")
    for target in (KEY, USER, BUCKET, ADDRESS):
        masker.target(target)
    masker.account(ACCOUNT)
    return masker


IDENTIFIERS = [
    (KEY.id, "«KEY1.5f2a»"),
    ("AKIAI44QH8DHBEXAMPLE", "«KEY2.5f2a»"),
    ("AIDACKCEVSQ6C2EXAMPLE", "«ID1.5f2a»"),
    ("ci-deployer", "«USER1.5f2a»"),
    ("amzn-s3-demo-bucket", "«BUCKET1.5f2a»"),
    ("arn:aws:iam::111122223333:user/ci-deployer", "«ARN1.5f2a of user1»"),
    ("arn:aws-us-gov:s3:::some-bucket/key", "«ARN1.5f2a»"),
    (ACCOUNT, "«ACCOUNT1.5f2a»"),
    ("444455556666", "«ACCOUNT2.5f2a»"),
    ("198.51.100.7", "«IP1.5f2a public»"),
    ("10.1.2.3", "«IP2.5f2a private»"),
    ("2001:db8::1", "«IP2.5f2a public»"),
    ("fd00::1", "«IP2.5f2a private»"),
    ("alice.jones@corp.example", "«EMAIL1.5f2a»"),
    ("i-0abcdef1234567890", "«RESOURCE1.5f2a»"),
    ("ip-10-0-0-12", "«HOST1.5f2a»"),
]


@pytest.mark.parametrize(("literal", "token"), IDENTIFIERS)
@pytest.mark.parametrize("around", ["{}", "by {}, then", '{{"who":"{}"}}', "({})", "x={};", "from/{}", "it was {}."])
def test_an_identifier_in_free_text_is_replaced_and_comes_back(literal: str, token: str, around: str) -> None:
    masker, text = named(), around.format(literal)
    assert masker.text(text) == around.format(token)
    assert masker.unmask(masker.text(text)) == text


# Put together here, so that no scanner takes the test for a leak.
SECRETS = [
    "wJalrXUtnFEMIK7MDENG/bPxRfiCYEXAMPLEKEY" + "1",
    "FwoGZXIvYXdzE" + "Ab1/" * 60,
    "ghp" + "_" + "aB3dE6gH" * 5,
    "xox" + "b-1234567890-abcdefghij",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc\ndef\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN " + "PRIVATE KEY-----\ncut off before its end",
    "aB3dE6gH9jK2-" + "mN5pQ8sT1vW4_yZ7bC0eF3hJ6kL",
    "hvs" + ".CAESIJ0aB3dE6gH9jK2mN5pQ8sT1vW4",
    "SG" + ".aB3dE6gH9jK2mN5pQ8sT1v.yZ7bC0eF3hJ6kLaB3dE6gH9jK2",
]


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "x/{}",
        "{}/x",
        "https://evil.example/c/{}",
        "evil.example/exfil/{}/done",
        KEY.id + "/{}",
        KEY.id + ":{}",
        "a+{}",
        "/{}?q",
    ],
)
@pytest.mark.parametrize("secret", [SECRETS[0], "abCDefGHijKLmnOPqrSTuvWXyz01/23456789abc"])
def test_a_secret_key_is_removed_whatever_path_it_stands_in(around: str, secret: str) -> None:
    shown = named().text(around.format(secret))
    assert "[removed: AWS secret key]" in shown
    assert not any(piece in shown for piece in (secret[:8], secret[-8:]))


def test_a_path_is_no_secret_key() -> None:
    path = "/aws/lambda/Payments/src/main/java/com/example/Orders2026"
    assert named().text(path) == path


PERSONAL = [
    "078-05-1120", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "+49 (30) 901820 - 12",
    "+442079460958", "(212) 555-0142", "212-555-0142",
]  # fmt: skip


@pytest.mark.parametrize("number", PERSONAL)
def test_the_number_of_a_person_is_removed_and_never_comes_back(number: str) -> None:
    masker = named()
    shown = masker.unmask(masker.text(f"by {number}, then"))
    assert shown.startswith("by [removed: ")
    assert not any(piece in shown for piece in (number[:6], number[-4:]))


@pytest.mark.parametrize("between", ["\u200b", "\u2060", "\u00ad", "\ufe0f", "\u202e", "\U000e0041", "\x00"])
@pytest.mark.parametrize("literal", [KEY.id, ACCOUNT, "amzn-s3-demo-bucket", "198.51.100.7", SECRETS[0], SECRETS[4]])
def test_what_an_invisible_character_splits_is_replaced_all_the_same(literal: str, between: str) -> None:
    """One after every few characters, so that no part of it is left either."""
    masker = named()
    shown = masker.text("by " + between.join(literal[at : at + 4] for at in range(0, len(literal), 4)) + ", then")
    assert shown in {f"by {token}, then" for token in (masker.text(literal), "[removed: JWT]")}


@pytest.mark.parametrize("other", ["\u200b", "\u2060"])
def test_an_invisible_character_between_two_keys_hides_neither(other: str) -> None:
    masker = named()
    pair = f"{KEY.id}{other}AKIAI44QH8DHBEXAMPLE"
    assert masker.text(f"{pair} {KEY.id[:6]}{other}{KEY.id[6:]}").count("«KEY") == 3


@pytest.mark.parametrize("written", ["1111-2222-3333", "1111 2222 3333"])
def test_an_account_written_in_groups_is_the_account(written: str) -> None:
    assert named().text(f"account {written}.") == "account «ACCOUNT1.5f2a»."


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_removed_and_never_comes_back(secret: str) -> None:
    masker = named()
    shown = masker.text(f"before {secret} after")
    assert shown.startswith("before [removed: ")
    assert "[removed: " in masker.unmask(shown)
    assert not any(part in masker.unmask(shown) for part in (secret[5:15], secret[-12:]))


NAMED_SECRETS = [
    ("password=hunter2", "hunter2"),
    ('"password": "correct horse"', "horse"),
    (r"\"aws_secret_access_key\":\"abc123\"", "abc123"),
    ("--password hunter2", "hunter2"),
    ("X-Amz-Signature=0a1b2c3d4e", "0a1b2c3d4e"),
    ("Authorization: Bearer abcdef123456", "abcdef123456"),
    ("https://root:hunter2@db.example/x", "hunter2"),
    ("api_key: k-1234", "k-1234"),
    ("the password is hunter2, keep it", "hunter2"),
    ("Secret key was: k-1234", "k-1234"),
    ("?sv=2024-11-04&se=2026-12-01&sr=b&sig=Zm9vYmFyYmF6cXV4%3D", "Zm9vYmFyYmF6"),
]


@pytest.mark.parametrize(("text", "secret"), NAMED_SECRETS)
def test_a_value_that_is_named_a_secret_is_removed(text: str, secret: str) -> None:
    assert secret not in named().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
        "std::string at 12:30:45, version 1.2.3",
        "d41d8cd98f00b204e9800998ecf8427e0a1b2c3d",
        "AWSReservedSSO_AdministratorAccess_0123456789abcdef",
        "2026-11-20T12:00:00+00:00 and 1795176000000 took 1234-5678 ms",
        "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.0 os/linux#6.1 lang/python#3.11.9",
    ],
)
def test_text_that_names_nobody_stays_as_it_is(text: str) -> None:
    assert named().text(text) == text


@pytest.mark.parametrize("forged", ["«KEY1.5f2a»", "«IP1.5f2a public»", "«\u200bKEY1.5f2a»", "««KEY1.5f2a»»"])
def test_a_forged_pseudonym_stays_text(forged: str) -> None:
    masker = named()
    shown = masker.text(forged)
    assert "«" not in shown
    assert "»" not in shown
    assert KEY.id not in masker.unmask(shown)


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\u200bb", r"a\u{200b}b"),
        ("a\u202eb", r"a\u{202e}b"),
        ("a\U000e0041b", r"a\u{e0041}b"),
        ("a\ufe0fb", r"a\u{fe0f}b"),
        ("a\u3164b", r"a\u{1160}b"),
        ("a\u1680b", r"a\u{1680}b"),
        ("a\u2028b\u2029c", r"a\u{2028}b\u{2029}c"),
        ("a\x1b[31mb", r"a\u{1b}[31mb"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("a\ud800b", r"a\u{d800}b"),
        ("\uff49\uff47\uff4e\uff4f\uff52\uff45", "ignore"),
    ],
)
def test_what_would_be_hidden_is_shown(hidden: str, shown: str) -> None:
    assert named().text(hidden) == shown


def test_equal_names_in_two_accounts_are_two_and_the_owner_is_the_user() -> None:
    masker = Masker("5f2a")
    elsewhere = USER.model_copy(update={"account": "444455556666"})
    assert masker.owner(KEY) == masker.target(USER) == "«USER1.5f2a»"
    assert masker.target(elsewhere) == "«USER2.5f2a»"


def test_the_same_steps_give_the_same_bytes_and_another_nonce_gives_others() -> None:
    text = f"{KEY.id} from 198.51.100.7"
    assert named().text(text) == named().text(text)
    assert Masker("0000").text(text) != Masker("0001").text(text)
    assert Masker("0001").unmask(Masker("0000").text(text)) == Masker("0000").text(text)


@pytest.mark.parametrize("nonce", ["", "ABCD", "a.b»", "abc", "x" * 17])
def test_a_nonce_that_would_not_fit_a_pseudonym_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        Masker(nonce)


HOSTILE = [
    "a.", "a@a.", "a:", "::", "1.", "eyJ", "-----BEGIN PRIVATE KEY", "arn:aws:s3:::", "aA1/", "token=' ", "--", "\ufdfa",
    "«KEY1.", "sk-", "ip-1-", "password ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hundred_kilobytes_made_to_hurt_a_pattern_take_no_time(piece: str) -> None:
    masker, started = named(), time.process_time()
    shown = masker.text(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 0.5
    assert len(shown) <= TEXT_LIMIT


@pytest.mark.parametrize("limit", range(1, 40))
def test_a_cut_never_ends_within_a_pseudonym(limit: int) -> None:
    text = cut("by «KEY1.5f2a» from «IP1.5f2a public» again", limit)
    assert len(text) <= limit
    assert text.count("«") == text.count("»")


def test_a_secret_that_the_cap_cuts_through_goes_whole() -> None:
    shown = named().text("x " * 2030 + SECRETS[0], limit=10_000)
    assert SECRETS[0][:10] not in shown


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_any_text_comes_out_short_printable_and_without_the_names(text: str) -> None:
    masker = named()
    shown = masker.text(f"{text} {KEY.id} {text}"[:600])
    assert len(shown) <= TEXT_LIMIT
    assert all(char.isprintable() for char in shown)
    assert shown.count("«") == shown.count("»")


def test_every_kind_of_target_has_a_pseudonym_that_says_its_kind() -> None:
    assert (
        Masker("5f2a").target(BUCKET.model_copy(update={"kind": TargetKind.DATABASE, "id": "orders"}))
        == "«DATABASE1.5f2a»"
    )
