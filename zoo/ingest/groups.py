"""Columns that may name the group of a row (a patient, a school), by their name or structure."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.canonical import derive_seed
from zoo.ingest.clean_table import Column, ColumnNote, OwnTable
from zoo.ingest.kinds import is_named_id

__all__ = ["find_groups", "names_group"]

# Stems, without accents, of English, German, French, Spanish, Italian, Portuguese and Dutch words.
_ENTITIES = r"""
patient subject participant respondent proband volunteer donor customer
client purchaser user member subscriber visitor household family school classroom student
pupil teacher device machine engine turbine sensor station instrument equipment robot
vehicle truck driver store shop branch outlet site hospital clinic ward doctor physician
surgeon centre center session account borrower company firm employer employee
worker staff player team coach author writer speaker reviewer seller vendor supplier merchant owner
tenant farm farmer village animal mouse cow horse dog litter batch cohort experiment
specimen recording artist
kunde kundin proband versuchsperson teilnehmer person schule schuler schulerin klasse haushalt
familie nutzer benutzer anwender gerat maschine anlage fahrzeug fahrer filiale standort
sitzung klinik krankenhaus arzt praxis betrieb firma unternehmen mitarbeiter konto verkaufer
lieferant sprecher versuch
personne participant sujet ecole eleve etudiant menage foyer famille utilisateur appareil machine
vehicule magasin boutique seance hopital clinique medecin entreprise employe compte vendeur
fournisseur capteur
paciente sujeto participante cliente escuela colegio alumno estudiante hogar familia usuario
dispositivo maquina vehiculo tienda sucursal sitio sesion clinica medico empresa empleado cuenta
vendedor proveedor
paziente soggetto scuola studente famiglia utente macchina negozio filiale sito sessione ospedale
azienda dipendente conto
escola aluno usuario loja maquina sessao
klant patient school leerling huishouden gebruiker apparaat winkel locatie ziekenhuis bedrijf
"""
_WORDS = frozenset(_ENTITIES.split())
_PLURALS = re.compile(r"(?:innen|in|en|er|n|e)$")
_BESIDE_WORDS = """
id ids uuid guid key nr no num number code name ref identifier index idx hash label nummer kennung
schlussel numero numer nom nombre nome codigo cod clave the of de la le du den anonymous unique
"""
_BESIDE = frozenset(_BESIDE_WORDS.split())
_TAILS = re.compile(r"(?:s|en|n)?(?:nummer|nr|id|kennung|schlussel|code|name|number|no|key)$")
_HEX = re.compile(r"[0-9a-f]{8,}(?:-[0-9a-f]{4,}){0,4}", re.I)

_LEAST_NAMED, _LEAST_GROUPS = 5, 20
_MOST_DISTINCT, _MOST_MISSING = 0.95, 0.1
_MOST_SEARCHED = 60  # columns of which the structure is looked at
_SAMPLE = 20_000
_ALIKE, _BY_CHANCE = 0.95, 0.5


def names_group(name: str) -> bool:
    """Return whether a name is that of something with several rows (patient, KundenNr, user_id).

    It must consist of such a word, perhaps beside "id", "number" and the like: user_rating and
    store_type name no group.
    """
    plain = unicodedata.normalize("NFKD", name.replace("\u00df", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = [word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", plain)]
    words = [word for word in words if word not in _BESIDE]
    return bool(words) and len(words) <= 2 and all(_is_entity(word) for word in words)


def _is_entity(word: str) -> bool:
    """Return whether a word, or what is left of it without an ending, is that of an entity."""
    forms = {word, _TAILS.sub("", word)}
    forms |= {_PLURALS.sub("", form) for form in forms}
    forms |= {f"{form}e" for form in forms}  # schulen, geraete
    return bool(forms & _WORDS)


def find_groups(table: OwnTable) -> list[str]:
    """Return the columns that may name groups of rows, those with a telling name first."""
    by_name, by_structure, n_searched = [], [], 0
    labels = _labels(table)
    for note in table.columns:
        if not _may_repeat(table, note):
            continue
        least = _LEAST_NAMED if names_group(note.name) else 2 * _LEAST_NAMED
        if note.n_unique >= least and (least == _LEAST_NAMED or is_named_id(note.name)):
            by_name.append(note.name)
        elif n_searched < _MOST_SEARCHED and note.n_unique >= _LEAST_GROUPS:
            n_searched += 1
            if _has_structure(table, note, labels):
                by_structure.append(note.name)
    return [*by_name, *by_structure]


def _may_repeat(table: OwnTable, note: ColumnNote) -> bool:
    """Return whether a column holds labels or whole numbers, of which many repeat."""
    if not note.is_used or note.kind not in {"number", "category"}:
        return False
    n_known = len(table.y) - note.n_missing
    if note.n_missing > _MOST_MISSING * len(table.y) or note.n_unique > _MOST_DISTINCT * n_known:
        return False
    if n_known - note.n_unique < 5 or note.name not in table.X:
        return False
    column = table.X[note.name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    values = column.to_numpy(np.float64)
    return not (np.mod(values[np.isfinite(values)], 1) != 0).any()


def _labels(table: OwnTable) -> NDArray[np.int64]:
    """Return the classes as codes, or numbers in ten bins of equal size."""
    if table.task == "classification":
        return np.asarray(pd.factorize(table.y)[0], np.int64)
    ranks = table.y.rank(method="average", pct=True).to_numpy(np.float64)
    return np.asarray(np.minimum(ranks * 10, 9), np.int64)


def _has_structure(table: OwnTable, note: ColumnNote, labels: NDArray[np.int64]) -> bool:
    """Return whether the rows of one value are alike, or stand together like those of a count."""
    column, n_rows = table.X[note.name], len(table.y)
    codes = pd.factorize(column)[0].astype(np.int64)
    if isinstance(column.dtype, pd.CategoricalDtype):
        names = column.cat.categories[:200]
        if len(names) and all(_HEX.fullmatch(str(name)) for name in names):
            return True
    elif _counts_groups(column.to_numpy(np.float64), note):
        return True
    is_known = codes >= 0
    codes, labels = codes[is_known], labels[is_known]
    if note.n_unique < n_rows / 20:
        return False
    fractions = np.bincount(labels) / len(labels)
    by_chance = float((fractions**2).sum())
    if table.task == "classification":
        is_smooth = column.dtype != "category" and _is_smooth(column, labels, is_known)
        if by_chance < 0.8 and agreement(codes, labels) >= _ALIKE and not is_smooth:
            return True
    return _others_are_constant(table, note.name, is_known, codes)


def _counts_groups(values: NDArray[np.float64], note: ColumnNote) -> bool:
    """Return whether whole numbers count groups that stand one below the other: 1, 1, 1, 2, 2."""
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if low not in {0.0, 1.0} or high - low + 1 != note.n_unique:
        return False
    n_runs = 1 + int((np.diff(values) != 0).sum())
    return n_runs == note.n_unique


def _is_smooth(column: Column, labels: NDArray[np.int64], is_known: NDArray[np.bool_]) -> bool:
    """Return whether neighbouring numbers have the same label too, as those of a measurement."""
    values = column.to_numpy(np.float64)[is_known]
    pairs = pd.DataFrame({"value": values, "label": labels}).groupby("value")["label"].agg(_first)
    ordered = pairs.to_numpy()
    return bool((ordered[1:] == ordered[:-1]).mean() >= _ALIKE)


def _first(labels: Column) -> int:
    return int(labels.mode().iloc[0])


def _others_are_constant(
    table: OwnTable, name: str, is_known: NDArray[np.bool_], codes: NDArray[np.int64]
) -> bool:
    """Return whether several other columns hardly vary among the rows of one value."""
    rng = np.random.default_rng(derive_seed("groups", len(codes)))
    others = [one for one in table.X.columns if one != name]
    if len(others) > 40:
        others = [others[i] for i in sorted(rng.permutation(len(others))[:40])]
    n_constant = n_varying = 0
    for other in others:
        values = pd.factorize(table.X[other])[0][is_known].astype(np.int64)
        fractions = np.bincount(values + 1) / len(values)
        if float((fractions**2).sum()) > _BY_CHANCE:
            continue
        n_varying += 1
        # one that takes a value in each row or each group is another name of them
        n_constant += agreement(codes, values) >= _ALIKE
    return n_constant >= max(2, 0.3 * n_varying)


def agreement(codes: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return how often two rows of one group have the same label."""
    pairs = pd.DataFrame({"group": codes, "label": labels})
    sizes, same = pairs["group"].value_counts(), pairs.value_counts()
    n_pairs = float((sizes * (sizes - 1)).sum())
    return float((same * (same - 1)).sum()) / n_pairs if n_pairs else 0.0
